#pragma once

#include "messages/connections.hpp"
#include "net/errc.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

/// What the peer connection core hears and what it wants done. Payloads are the messages
/// themselves, so the shell translates nothing.
namespace lanrage::actors {

/// Names one request of a core; the answer carries it back and is dropped when nobody waits for it.
enum class ticket : std::uint64_t {};
inline constexpr ticket no_ticket{0};

/// The only two clocks, read by the shell: timers run on `at`, people and WireGuard read `wall`.
struct moment {
  msg::time_point at;
  msg::unix_ms wall{};
};

// --- events --------------------------------------------------------------------------------------

/// The first event of every core.
struct started {};
/// Answer to find_peer.
struct record_found {
  ticket asked{};
  net::result<msg::known_peer> found;
};
/// The peer left the party.
struct record_gone {};
/// Answer to rank_relays; empty when there is none in common.
struct relays_ranked {
  ticket asked{};
  std::vector<msg::relay_choice> choices;
};
/// Answer to set_peer, reset_peer and remove_peer; `refused` is absent when applied.
struct write_done {
  ticket asked{};
  std::optional<net::errc> refused;
};
/// Answer to assert_endpoint.
struct move_done {
  ticket asked{};
  bool landed = false;
};
/// Answer to prepare_relay.
struct relay_prepared {
  ticket asked{};
  bool done = false;
};
/// Answer to learn_index.
struct index_learned {
  ticket asked{};
  std::optional<net::session_index> index;
};
enum class probe_outcome : std::uint8_t {
  answered,
  lost,       ///< nothing came back within the timeout
  unmeasured, ///< the prober itself failed: says nothing about the path
};
/// Answer to probe_tunnel.
struct tunnel_report {
  ticket asked{};
  probe_outcome outcome{};
  std::chrono::nanoseconds rtt{}; ///< answered only
};
/// The deadline of wake_at() has come. `epoch` is the one wake_at() named.
struct wake {
  std::uint64_t epoch = 0;
};
/// A user asked for this connection again.
struct user_connect {};

using event =
    std::variant<started, record_found, msg::peer_known, record_gone, net::peer_signal,
                 msg::own_paths, msg::own_legs, msg::control_state, msg::network_changed,
                 msg::path_event, relays_ranked, relay_prepared, index_learned, write_done,
                 move_done, msg::wg_signal, tunnel_report, wake, user_connect, msg::close_peer>;
inline constexpr std::size_t event_count = std::variant_size_v<event>;

// --- effects -------------------------------------------------------------------------------------

/// One thing to do, addressed by its type: directory (find, signal), relay selector (rank, prepare,
/// trouble), nat (expect, forget, punch, nominate, release, check), port (learn), writer (set,
/// reset, remove, assert, watch), prober, and the supervisor (update).
struct effect {
  ticket asked{}; ///< no_ticket: no answer is expected
  std::variant<msg::find_peer, msg::send_signal, msg::rank_relays, msg::prepare_relay,
               msg::relay_trouble, msg::expect_peer, msg::forget_peer, msg::start_punch,
               msg::nominate_path, msg::release_path, msg::check_path, msg::learn_index,
               msg::set_peer, msg::reset_peer, msg::remove_peer, msg::assert_endpoint,
               msg::watch_peer, msg::unwatch_peer, msg::probe_tunnel, msg::peer_update>
      what;
};
using effects = std::vector<effect>;

/// Why the core wants to be woken; only for people.
enum class wake_reason : std::uint8_t { deadline, probe, check, offer, punch, retry, path };
std::string_view to_string(wake_reason why);

/// The one deadline of a core. A shell arms one timer for it and hands the epoch back.
struct deadline {
  msg::time_point at;
  wake_reason why{};
  std::uint64_t epoch = 0;
};

} // namespace lanrage::actors
