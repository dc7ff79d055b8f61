#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a latency trace holds. The file format and the meaning of each word: docs/traces.md.
namespace lanrage::sim::trace {

using std::chrono::nanoseconds;

/// Nodes and links are numbered from 0 without holes.
enum class node_id : std::uint32_t {};
enum class link_id : std::uint32_t {};
constexpr std::size_t index(node_id id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t index(link_id id) {
  return static_cast<std::size_t>(id);
}

/// What a file may hold at most. More is an error with its line, never a long wait.
struct limits {
  static constexpr std::size_t line_octets = 64 * 1024;
  static constexpr std::size_t meta_lines = 64;
  static constexpr std::size_t text_octets = 1024; ///< of a meta value, label or marker, encoded
  static constexpr std::size_t nodes = 65'536;
  static constexpr std::size_t mesh_nodes = 1'024;
  static constexpr std::size_t links = 1'048'576;
  static constexpr nanoseconds value = std::chrono::hours{1};
  static constexpr nanoseconds time = std::chrono::hours{24 * 3'660}; ///< from first to last record
};

struct meta {
  std::string key; ///< of a-z 0-9 _ - .
  std::string value;

  friend bool operator==(const meta&, const meta&) = default;
};

/// Where the records' times come from.
enum class clock_kind : std::uint8_t {
  recorded, ///< time stamps of the recording
  nominal,  ///< an interval somebody stated
  none,     ///< no clock at all: replay it probe by probe
};

enum class quantity : std::uint8_t {
  rtt, ///< there and back
  owd, ///< one way
};

/// How a round trip becomes two one-way delays.
struct split_rule {
  enum class kind : std::uint8_t { half, ratio, seeded };
  kind how = kind::half;
  std::uint32_t forward = 1; ///< ratio: the way a>b has forward/whole of the round trip
  std::uint32_t whole = 2;

  friend bool operator==(const split_rule&, const split_rule&) = default;
};

enum class direction : std::uint8_t {
  both,    ///< packets from a to b and from b to a
  forward, ///< packets from a to b only
};

/// What holds behind the trace's last record. `length` is the span plus the last step.
enum class at_end : std::uint8_t {
  stop, ///< every link has ended at `length`
  hold, ///< each link's last record stays in force for good
  wrap, ///< starts again every `length`
};

struct link_rules {
  std::optional<nanoseconds> max_age;  ///< an older record counts as not measured
  bool fifo = false;                   ///< packets do not overtake each other
  std::optional<nanoseconds> fallback; ///< one-way delay while not measured; none: unreachable

  friend bool operator==(const link_rules&, const link_rules&) = default;
};

struct link {
  node_id a{};
  node_id b{};
  direction dir = direction::both;
  link_rules rules;

  friend bool operator==(const link&, const link&) = default;
};

struct header {
  std::vector<meta> metas;
  std::optional<std::int64_t> origin_unix_ns; ///< time 0, for display
  clock_kind clock = clock_kind::recorded;
  at_end end = at_end::stop;
  trace::quantity quantity = trace::quantity::rtt;
  split_rule split;               ///< only for round trips
  std::vector<std::string> nodes; ///< their labels
  std::vector<link> links;        ///< empty for a mesh
  /// Instead of links: one a>b for each ordered pair of nodes, row by row.
  std::optional<link_rules> mesh;

  std::size_t link_count() const { return mesh ? nodes.size() * (nodes.size() - 1) : links.size(); }
  /// The id must be below link_count().
  link at(link_id id) const {
    if (!mesh) return links[index(id)];
    const auto others = nodes.size() - 1;
    const auto a = index(id) / others;
    const auto b = index(id) % others;
    return {node_id(a), node_id(b < a ? b : b + 1), direction::forward, *mesh};
  }
  /// The mesh's link from a to another node b.
  link_id between(node_id a, node_id b) const {
    const auto column = index(b) < index(a) ? index(b) : index(b) - 1;
    return link_id(index(a) * (nodes.size() - 1) + column);
  }

  friend bool operator==(const header&, const header&) = default;
};

enum class record_kind : std::uint8_t {
  sample,   ///< s: the latency
  lost,     ///< l: sent, and no answer came
  unknown,  ///< u: not measured; never the same as lost
  down,     ///< d: the path is gone until it is restored
  restored, ///< r: what was in force before `down` is so again
  marker,   ///< m: a remark, of no link
  block,    ///< x: one slice of a mesh; its cells follow as samples, losses and unknowns
};

struct record {
  record_kind kind = record_kind::sample;
  bool cell = false;     ///< belongs to the block before it
  nanoseconds time{};    ///< since the trace's origin; never less than that of the record before
  link_id link{};        ///< not of markers and blocks
  nanoseconds value{};   ///< of a sample; of a loss: the prober's patience, 0 if not stated
  std::string_view text; ///< why unknown, or the marker; valid until the next record is read
};

/// What has been read or written so far, and at the end stands in the trailer.
struct totals {
  std::uint64_t records = 0; ///< lines of the body, a block being one
  std::uint64_t samples = 0;
  std::uint64_t lost = 0;
  std::uint64_t unknown = 0;
  nanoseconds span{};    ///< time of the last record
  std::uint64_t sum = 0; ///< of all samples, in nanoseconds
  nanoseconds step{};    ///< between the last two different times of records; 0: all at once

  /// How long the trace lasts: its last records are in force for as long as those before them.
  nanoseconds length() const { return span + (step.count() > 0 ? step : std::chrono::seconds{1}); }
};

/// False, and nothing done, if it would not fit.
inline bool add(std::uint64_t& sum, nanoseconds value) {
  const auto more = static_cast<std::uint64_t>(value.count());
  if (sum > UINT64_MAX - more) return false;
  sum += more;
  return true;
}
inline constexpr const char* sum_too_large = "a sum of samples over 2^64 nanoseconds";

} // namespace lanrage::sim::trace
