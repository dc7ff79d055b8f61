#pragma once

#include "actors/peer/peer_events.hpp"
#include "actors/peer/probing.hpp"
#include "config/defaults.hpp"
#include "messages/connections.hpp"

#include <chrono>
#include <optional>
#include <variant>
#include <vector>

/// The states of a peer connection (docs/connection.md). Each owns what is only true while it
/// lasts; what outlives a state is a member of peer_connection.
namespace lanrage::actors {

/// Where WireGuard's packets to the peer go: straight, or to a relay.
struct path {
  net::endpoint where;
  net::shared<msg::relay_choice> relay; ///< absent: direct
  std::chrono::nanoseconds rtt{};       ///< as probed or ranked; zero: unknown
  bool guessed = false; ///< WireGuard's, and of no relay that we know; nobody proved it
};
inline path through(const msg::relay_choice& relay) {
  return {relay.address, relay, relay.rtt};
}
inline msg::strategy strategy_of(const path& p) {
  return p.relay ? msg::strategy::relay : msg::strategy::direct;
}

struct discovering {
  ticket asked{};
  msg::time_point until;
};

struct negotiating {
  msg::time_point until;
};

struct configuring {
  path target;
  ticket asked{};
  msg::time_point until;
  bool unasked = false; ///< the remembered path, before the peer said that it is ready
};

struct verifying {
  msg::time_point until;
  probe_series probes;
  /// A session that was alive before this core existed: WireGuard is not touched, its first signal
  /// decides.
  bool adopting = false;
  /// On the remembered path, unasked: a peer that is ready has answered by then.
  std::optional<msg::time_point> answered_by = std::nullopt;
};

/// One health check: probes that together answer "is it alive, and how fast".
struct health_check {
  msg::time_point ends; ///< no probe of it is answered after this
  probe_series probes;
  msg::time_point since; ///< other paths that answered after this are alive
  bool doubted = false;  ///< the path may be dead: probes come fast, other paths are checked, too
  int burst = 0;         ///< probes sent since then
  std::optional<msg::time_point> dead_at = std::nullopt; ///< unless one was answered by then
  std::uint32_t seen = 0; ///< checks that the counters had shown when it began
  /// Every report is in by then, or the prober is to blame.
  msg::time_point over() const { return ends + 2 * config::defaults::probe_grace; }
};

/// What connected and degraded have in common.
struct monitored {
  msg::time_point next_check; ///< unless one of the peer's stands in for it
  std::optional<health_check> check;
  struct past {
    msg::time_point at;
    std::uint32_t seen = 0; ///< checks that the counters had shown by then
  };
  std::optional<past> last; ///< our last check began; absent: something else asks for the next
};
struct connected : monitored {};
struct degraded : monitored {};

struct trialling {
  enum class stage : std::uint8_t { trying, restoring };
  path old;
  path fresh;
  std::chrono::nanoseconds old_rtt{}; ///< usually; to be beaten
  stage at = stage::trying;
  msg::time_point until;
  probe_series probes;
};

struct reconnecting {
  int attempt = 1; ///< 1 .. repair_attempts
  msg::time_point until;
  ticket asked = no_ticket; ///< of the write; probing starts when it is applied
  probe_series probes;
  std::optional<path> target;
  /// The first repair keeps the session: it moves to a path that answers checks.
  bool keeps = false;
  msg::time_point check_at{};       ///< then all paths are checked again
  msg::time_point unproven_at{};    ///< then one is tried without proof
  std::vector<net::endpoint> tried; ///< moved to in vain
};

struct failed {
  net::errc why{};
  /// Absent: it is the other side's turn, which disconnected on purpose or is offline.
  std::optional<msg::time_point> retry;
  bool by_peer() const { return why == net::errc::closed; } ///< it disconnected on purpose
};

struct closing {
  ticket asked{};
  msg::time_point until;
  int tries = 1;
  bool done = false; ///< removed: nothing is ever said again
};

using state = std::variant<discovering, negotiating, configuring, verifying, connected, degraded,
                           trialling, reconnecting, failed, closing>;
static_assert(std::variant_size_v<state> == msg::phase_count);

/// The states stand in the order of msg::phase.
inline msg::phase phase_of(const state& s) {
  return static_cast<msg::phase>(s.index());
}

/// Whether the one door may lead from one state to another.
bool legal(msg::phase from, msg::phase to);

} // namespace lanrage::actors
