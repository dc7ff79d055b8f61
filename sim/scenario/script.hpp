#pragma once

#include "config/settings.hpp"
#include "sim/faults/plan.hpp"
#include "sim/trace/values.hpp"
#include "sim/world/families.hpp"
#include "sim/world/link.hpp"
#include "sim/world/nat_box.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// A scenario as it was read: plain data, every name resolved, every value possible. The file
/// format is docs/simulation.md.
namespace lanrage::sim::scenario {

/// Where in the file something stands, both from 1.
struct place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend auto operator<=>(const place&, const place&) = default;
};

/// What a name stands for; `number` counts from 0 in the file's order of that kind.
enum class kind : std::uint8_t { control, member, nat, relay };
struct thing {
  kind what = kind::control;
  std::uint32_t number = 0;
  friend auto operator<=>(const thing&, const thing&) = default;
};
using pair_of_things = std::pair<thing, thing>;

struct nat_entry {
  std::string name;
  nat_settings how;
  std::optional<std::uint32_t> behind; ///< another box, which stands before it in the list
};

struct relay_entry {
  std::string name;
  families has{};
};

struct member_entry {
  std::string name;
  std::optional<std::uint32_t> behind; ///< a box; absent: on the internet
  families has{};
  bool auto_connect = true;
  config::health_settings health;
  duration start{};
};

struct trace_entry {
  std::string name;
  std::string path; ///< as it stands in the file: relative to the scenario
  place where;
};

/// A link that follows a recording.
struct trace_use {
  std::uint32_t trace = 0; ///< number in script::traces
  /// The recording's link, or the labels of its nodes at our two ends.
  std::variant<std::uint32_t, std::array<std::string, 2>> link = 0U;
  duration start{};  ///< of the recording that is in force when the scenario begins
  duration offset{}; ///< added to every delay
  std::optional<trace::at_end> end;
  place where;
};

/// Parts per million of a delay: 1,000,000 leaves it as it is.
inline constexpr std::uint32_t unscaled = 1'000'000;

/// What is said about a link; what is absent stays as it was.
struct link_change {
  std::optional<duration> delay;
  std::optional<duration> jitter;
  std::optional<std::uint32_t> loss_ppm;
  std::optional<std::uint32_t> duplicate_ppm;
  std::optional<std::uint32_t> mtu;
  std::optional<std::uint64_t> bits_per_s;
  std::optional<std::uint32_t> queue_octets;
  std::optional<bool> fifo;
  std::optional<std::uint32_t> scale_ppm; ///< of the delay, recorded or not
  std::optional<trace_use> trace;
};

/// A link's ends and what holds there. `first` says which way is a trace's a>b.
struct link_entry {
  std::vector<pair_of_things> between;
  link_change how;
};

struct party_entry {
  std::string name;
  std::uint32_t creator = 0;
  duration at{};
  std::vector<std::uint32_t> members; ///< who joins by itself, the creator not among them
  duration join_at{};
  duration join_gap{}; ///< between one and the next
};

// --- what happens --------------------------------------------------------------------------------

namespace deed {
struct start {
  std::vector<thing> who;
  bool with_memory = true; ///< relays and control: what they stored is still there
};
struct kill {
  std::vector<thing> who;
};
struct partition {
  std::vector<std::vector<thing>> groups;
};
struct heal {};
struct move {
  std::uint32_t who = 0;
  std::optional<std::uint32_t> behind;
};
struct rebind {
  std::uint32_t nat = 0;
};
/// A box begins or ends to let no UDP out.
struct block_udp {
  std::uint32_t nat = 0;
  bool blocked = true;
};
struct delete_interface {
  std::uint32_t who = 0;
};
struct change_link {
  link_entry link;
};
/// Every link that the scenario has said something about.
struct scale_all {
  std::uint32_t by_ppm = unscaled;
};
struct join {
  std::vector<std::uint32_t> who;
  std::uint32_t party = 0;
};
struct leave {
  std::vector<std::uint32_t> who;
  std::uint32_t party = 0;
};
struct connect {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};
struct disconnect {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};
struct pings {
  std::uint32_t stream = 0; ///< number in script::streams
};
struct suspend {
  std::vector<std::uint32_t> who;
};
struct resume {
  std::vector<std::uint32_t> who;
};
struct disk {
  std::uint32_t who = 0;
  bool full = true;
};
} // namespace deed

using action =
    std::variant<deed::start, deed::kill, deed::partition, deed::heal, deed::move, deed::rebind,
                 deed::block_udp, deed::delete_interface, deed::change_link, deed::scale_all,
                 deed::join, deed::leave, deed::connect, deed::disconnect, deed::pings,
                 deed::suspend, deed::resume, deed::disk>;

struct event {
  duration at{};
  action what;
  place where;
};

/// Echoes from one member to another.
struct stream_entry {
  std::string name;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  duration at{};
  duration gap{};
  std::uint64_t count = 1;
};

// --- what is expected ----------------------------------------------------------------------------

enum class pair_state : std::uint8_t {
  connected, ///< packets of users pass as far as both daemons know: connected, degraded, trialling
  healthy,   ///< connected and not degraded
  degraded,
  direct, ///< connected, not by a relay
  relay,  ///< connected by a relay
  failed,
  apart, ///< not connected
};
const char* to_string(pair_state state);

/// One of: reached at some moment until `by`; holds at `at`; holds from `from` until `to`.
struct when_by {
  duration by{};
};
struct when_at {
  duration at{};
};
struct when_from {
  duration from{};
  std::optional<duration> to; ///< absent: the run's end
};
using timing = std::variant<when_by, when_at, when_from>;

/// Both members of every pair say so.
struct expect_pairs {
  std::vector<std::uint32_t> members; ///< every pair of them
  pair_state state = pair_state::connected;
  std::optional<std::string> relay; ///< through this one
  timing time;
};
struct expect_pings {
  std::uint32_t stream = 0;
  std::optional<std::uint64_t> lost_at_most;
  std::optional<std::uint64_t> answered_at_least;
  std::optional<duration> silence_at_most;
};
/// No two members have the same virtual address at any time.
struct expect_distinct {};
/// Lines of the log that contain a text.
struct expect_lines {
  std::string text;
  std::optional<std::uint64_t> at_most;
  std::optional<std::uint64_t> at_least;
  duration from{};
  std::optional<duration> to;
};

using wish = std::variant<expect_pairs, expect_pings, expect_distinct, expect_lines>;
struct expectation {
  wish what;
  place where;
};

struct script {
  std::string description;
  duration until{};
  std::uint64_t seed = 1;
  duration internet_delay = std::chrono::milliseconds{10};
  duration lan_delay = std::chrono::microseconds{200};
  bool log_packets = false;
  std::vector<trace_entry> traces;
  std::vector<nat_entry> nats;
  std::vector<relay_entry> relays;
  std::vector<member_entry> members;
  std::vector<link_entry> links;
  std::vector<party_entry> parties;
  std::vector<stream_entry> streams;
  std::vector<event> events; ///< in the order of their times, equal times in the file's order
  std::vector<expectation> expectations;
  faults::plan faults; ///< what breaks when (docs/faults.md); often nothing
};

/// What a file may hold at most. More is a problem, never a long wait.
struct limits {
  static constexpr std::size_t file_octets = 1024 * 1024;
  static constexpr std::size_t members = 10'000;
  static constexpr std::size_t nats = 20'000;
  static constexpr std::size_t traces = 64;
  static constexpr std::size_t pairs = 1'000'000; ///< of links, in all entries together
  static constexpr std::size_t parties = 64;
  static constexpr std::size_t events = 10'000;
  static constexpr std::size_t expectations = 1'000;
  static constexpr std::size_t problems = 100; ///< listed
  static constexpr std::uint64_t pings = 10'000'000;
  static constexpr duration until = std::chrono::hours{24 * 30};
  static constexpr duration delay = std::chrono::minutes{10};
};

} // namespace lanrage::sim::scenario
