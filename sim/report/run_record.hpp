#pragma once

#include "sim/scenario/script.hpp"
#include "sim/world/link.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a run was like, for people: recorded while it runs, then figures and one HTML page.
namespace lanrage::sim::report {

/// The way a member's packets to another one take: a relay by its number in the scenario, or:
enum class path : std::int32_t { none = -2, direct = -1 };
constexpr path through(std::uint32_t relay) {
  return static_cast<path>(relay);
}
constexpr bool is_relay(path over) {
  return static_cast<std::int32_t>(over) >= 0;
}

/// How one member's connection to another stands, as that member sees it.
enum class condition : std::uint8_t {
  apart, ///< it knows of no connection
  off,   ///< its daemon was killed
  connecting,
  connected,
  degraded,
  trialling,
  reconnecting,
  failed,
};
inline constexpr std::size_t conditions = 8;
const char* to_string(condition what);
constexpr bool is_up(condition what) {
  return what == condition::connected || what == condition::degraded ||
         what == condition::trialling;
}

/// Holds from `at` until the next one.
struct side_change {
  duration at{};
  condition is = condition::apart;
  path over = path::none;
};

/// Round trips of a pair, from `at` until the next one. What is absent does not get through.
struct rtt_step {
  duration at{};
  bool joined = false;          ///< they have been connected since both daemons know each other
  std::optional<duration> used; ///< on the ways that both of them use
  std::optional<duration> best; ///< of every way there is: direct if boxes allow, each relay
  std::optional<duration> best_relay; ///< of the ways by relay
  path over = path::none;             ///< the first member's
};

/// From when both daemons know each other until both say connected.
struct connect_span {
  duration from{};
  duration to{};
};

struct pair_record {
  std::uint32_t a = 0; ///< members by their numbers in the scenario, a < b
  std::uint32_t b = 0;
  std::array<std::vector<side_change>, 2> sides; ///< a's view, b's view
  std::vector<rtt_step> rtts;
  std::vector<connect_span> connects;
};

/// Echoes of a stream that were never answered.
struct stream_record {
  std::uint32_t stream = 0;        ///< number in script::streams
  std::vector<std::uint64_t> lost; ///< by the slice of the run they were sent in
};

/// Packets that did not arrive, by why, in one slice of the run. The first drop_causes entries are
/// the network's, the others WireGuard's.
using drop_counts = std::vector<std::uint64_t>;
std::size_t drop_kinds();
const char* drop_name(std::size_t kind);

struct run_record {
  duration until{};
  std::vector<pair_record> pairs; ///< by a, then b
  std::uint64_t pairs_left_out = 0;
  std::vector<drop_counts> drops; ///< by slice, all of the same length of time
  std::vector<stream_record> streams;
};

/// What is kept at most, whatever the scenario.
struct record_limits {
  static constexpr std::size_t pairs = 5'000;
  static constexpr std::size_t drop_slices = 80;
  static constexpr std::size_t stream_slices = 300;
  /// How often round trips are looked at between changes: as often as this many looks at single
  /// ways allow, within bounds.
  static constexpr std::uint64_t looks = 100'000;
  static constexpr std::int64_t looks_at_pair_min = 200;
  static constexpr std::int64_t looks_at_pair_max = 4'000;
};

} // namespace lanrage::sim::report
