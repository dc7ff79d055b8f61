#pragma once

#include "messages/tried_address.hpp"
#include "messages/values.hpp"
#include "net/boxed.hpp"

/// What may be said of connections and by whom they are asked for: peers, their supervisor and who
/// shows them to people.
namespace lanrage::msg {

enum class strategy : std::uint8_t { direct, relay };
std::string_view to_string(strategy how);

/// architecture: the peer connection's states.
enum class phase : std::uint8_t {
  discovering,
  negotiating,
  configuring,
  verifying,
  connected,
  degraded,
  trialling,
  reconnecting,
  failed,
  closing,
};
inline constexpr std::size_t phase_count = 10;
std::string_view to_string(phase where);

/// The spec's words for it, the only definition.
enum class status : std::uint8_t { connecting, connected, degraded, failed };
std::string_view to_string(status what);
/// `last_rtt_degraded`: the last accepted sample was above degraded_above (for trialling).
status status_of(phase where, bool last_rtt_degraded);

struct connection_counters {
  std::uint64_t checks = 0;
  std::uint64_t lost = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t relay_switches = 0;
  std::uint64_t path_changes = 0;
  std::uint64_t restarts = 0; ///< of the peer's actor
  friend bool operator==(const connection_counters&, const connection_counters&) = default;
};

/// What the outside sees of one connection (docs/interfaces.md, `status --json`).
struct connection_view {
  net::party_id party;
  net::peer_id id;
  net::wg_public_key key;
  net::virtual_ip address;
  std::optional<net::endpoint> where;
  std::optional<strategy> how;
  std::optional<std::chrono::nanoseconds> latency; ///< last accepted sample
  std::optional<unix_ms> connected_at;
  phase at{};
  status is{};
  std::optional<std::string> relay; ///< its name, when relayed
  bool streamed = false;            ///< the way to the relay is TLS over TCP
  std::string reason;               ///< why it is where it is, one sentence
  std::optional<net::errc> error;   ///< failed: which
  connection_counters counters;
  friend bool operator==(const connection_view&, const connection_view&) = default;
};

/// Enough to continue a connection after a crash of its actor or of the daemon. Plain data.
struct saved_peer {
  net::peer_record record;
  std::optional<wg_peer> configured;      ///< what WireGuard was told last
  std::optional<strategy> how;            ///< absent: never connected, or nobody knows how
  std::optional<net::endpoint> direct_at; ///< direct: where the peer was
  net::shared<relay_choice> relay;
  std::optional<unix_ms> connected_at;
  std::uint32_t epoch = 0; ///< of the connection attempt; grows
  connection_counters counters;
  bool wanted = true;    ///< false: disconnected on purpose, stays so
  bool knows_us = false; ///< we were connected, and it did not end that on purpose
  bool away = false;     ///< by the control server's word, which is not kept over restarts
  friend bool operator==(const saved_peer&, const saved_peer&) = default;
};
/// What a peer's actor starts from and keeps up to date; outlives it.
using peer_memory = net::shared<saved_peer>;

/// One path that a connection might take, and what is known of it.
struct path_evidence {
  strategy how{};
  std::optional<std::string> relay; ///< its name
  bool streamed = false;            ///< by TLS over TCP
  std::optional<net::endpoint> where;
  bool in_use = false;
  bool alive = false; ///< it answered when it was last asked
  std::optional<std::chrono::nanoseconds> rtt;
  std::optional<std::chrono::nanoseconds> age; ///< since it last answered
  std::uint32_t asked = 0;                     ///< checks of late
  std::uint32_t lost = 0;                      ///< of them
  std::string verdict;                         ///< why it is, or is not, the one; a sentence
  std::string remedy;                          ///< what would help; empty: nothing to do
};
/// One of the peer's addresses, as a direct path.
struct candidate_evidence {
  tried_address tried;
  bool in_use = false;
  std::string verdict; ///< as of path_evidence
  std::string remedy;
};
/// The chain of evidence for the path in use.
struct explanation {
  connection_view view;
  std::string decision;                       ///< how it came to the path in use; a sentence
  std::vector<path_evidence> paths;           ///< the one in use first
  std::vector<candidate_evidence> candidates; ///< of direct paths, by the last run of punching
};
struct get_explanation {};
struct explain_peer {
  std::optional<std::string> party;
  net::peer_id id;
};

/// From a peer actor to the supervisor, whenever its view or record changed.
struct peer_update {
  net::shared<connection_view> view;
  net::shared<saved_peer> saved;
  bool gone = false; ///< closed: WireGuard's peer is removed, the actor ends
  /// Away, and WireGuard has it silently: no actor is needed until that changes.
  bool rests = false;
};
/// From the writer to the supervisor: WireGuard shook hands with a peer that nobody watches.
struct handshake_seen {
  net::wg_public_key key;
};
/// From the supervisor to a peer's actor: end, if you still rest.
struct rest_peer {};
struct rest_answer {
  bool rests = false; ///< it ends; what it knew is in its last peer_update
};

struct connect_peer {
  std::optional<std::string> party;
  net::peer_id id;
};
struct disconnect_peer {
  std::optional<std::string> party;
  net::peer_id id;
};
struct get_status {
  std::optional<std::string> party;
  net::peer_id id;
};
struct list_status {};

/// Ourselves, for `status`.
struct self_view {
  net::peer_id id;
  net::wg_public_key key;
  net::virtual_ip address;
  net::nat_report nat;
  std::vector<net::candidate> candidates;
  nat_details nat_more;
  std::vector<net::relay_leg> legs;
  std::vector<net::relay_id> streams;  ///< of the legs, those that TLS carries
  std::vector<net::relay_info> relays; ///< as the control plane listed them last
  control_state control;
  lan_state lan;
};
struct status_report {
  self_view self;
  std::vector<connection_view> peers; ///< ordered by peer id
};
/// One line of `lanrage watch`.
struct connection_event {
  unix_ms at{};
  std::string what; ///< "connection", "control", "relay", "actor", "network"
  std::string text;
  std::optional<connection_view> view;
};

/// The daemon's way to end a peer: remove it from WireGuard, say bye, stop.
struct close_peer {
  bool tell = true; ///< send the other side a bye
};

} // namespace lanrage::msg
