#pragma once

#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "actors/supervisor/connection_supervisor.hpp"
#include "config/canary.hpp"

#include <caf/actor_cast.hpp>
#include <caf/atom.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

/// What the two files of the connection supervisor share; nobody else includes it.
namespace lanrage::actors::connections {

using save_atom = caf::atom_constant<caf::atom("savepeers")>;
using interface_atom = caf::atom_constant<caf::atom("interface")>;
using patience_atom = caf::atom_constant<caf::atom("patience")>;
using turn_atom = caf::atom_constant<caf::atom("nextturn")>;
using own_interface = msg::connection_supervisor_actor::extend<
    caf::reacts_to<save_atom>, caf::reacts_to<interface_atom>, caf::reacts_to<patience_atom>,
    caf::reacts_to<turn_atom>>;

/// A user named somebody who may have joined a moment ago.
struct awaited_peer {
  msg::connect_peer asked;
  promise_guard<msg::connection_view> promise;
  msg::time_point until;
};

/// What every peer is made with.
struct peer_origin {
  peer_factory make;
  std::shared_ptr<const msg::roles> roles;
  msg::wall_clock wall;
};

struct supervisor_state {
  static inline const char* name = "connections";
  msg::roles roles;
  connection_settings settings;
  std::shared_ptr<const peer_origin> origin;
  std::shared_ptr<connection_memory> memory;
  std::map<net::wg_public_key, std::vector<promise_guard<msg::connection_view>>> connecting;
  std::map<net::wg_public_key, std::vector<promise_guard<msg::done>>> disconnecting;
  std::vector<awaited_peer> awaited; ///< one per waiting user
  bool save_pending = false;
  std::deque<net::wg_public_key> in_turn; ///< to be started, a few at a time
  bool turn_pending = false;
};
using pointer = own_interface::stateful_pointer<supervisor_state>;

inline msg::peer_actor address_of(const kept_peer& peer) {
  return caf::actor_cast<msg::peer_actor>(peer.guardian);
}

/// What an unordered set of pointers would do. Only a canary calls it.
inline void by_chance(std::vector<kept_peer*>& all) {
  const auto bucket = [](const kept_peer* peer) {
    return reinterpret_cast<std::uintptr_t>(peer) / 64 * 0x9e3779b97f4a7c15;
  };
  std::sort(all.begin(), all.end(),
            [&](const auto* a, const auto* b) { return bucket(a) < bucket(b); });
}

/// To one that runs. What is only known and not said (`tell_what_is_known`) need not be held.
template <class Message>
void tell(pointer self, kept_peer& peer, const Message& message) {
  if (!peer.held) return self->send(address_of(peer), message);
  peer.held->any = true;
  if constexpr (std::is_same_v<Message, msg::signal_received>)
    peer.held->signals.push_back(message);
  if constexpr (std::is_same_v<Message, msg::connect_peer>) peer.held->asked = message;
}

/// To every running peer, ordered by key.
template <class Message>
void tell_all(pointer self, const Message& message) {
  std::vector<kept_peer*> all;
  for (auto& [key, peer] : self->state.memory->peers)
    if (peer.guardian) all.push_back(&peer);
  if (config::planted(config::canary::unordered_iteration)) by_chance(all);
  for (auto* peer : all)
    tell(self, *peer, message);
}
/// A line for `watch`.
void publish(pointer self, std::string what, std::string text,
             std::optional<msg::connection_view> view = std::nullopt);

void save_soon(pointer self);
void save(pointer self);
/// Done means stored (decision 21).
void save_and_answer(pointer self, std::vector<promise_guard<msg::done>> promises);

/// The latest word on a member: of the party where it is online, else of this one, else of any.
const msg::known_peer* known_record(const connection_memory& memory, const net::wg_public_key& key,
                                    const net::party_id& in);
inline bool is_away(const msg::known_peer& known) {
  return !known.online && known.presence_known;
}
kept_peer& keep(connection_memory& memory, const net::peer_record& record);
/// Spawns the guardian of a kept peer, unless it runs, and tells it all we know; first of all what
/// a user asked for.
void start_peer(pointer self, const net::wg_public_key& key,
                const std::optional<msg::connect_peer>& asked = std::nullopt);
/// The same, soon: of many that are probably away only a few are awake at a time, since memory is
/// as large as it ever was.
void start_in_turn(pointer self, const net::wg_public_key& key);
void take_turn(pointer self);
/// As start_peer, if it is wanted or rests.
void wake_peer(pointer self, const net::wg_public_key& key);
/// Ends the connection of one that runs or rests.
void close_peer(pointer self, const net::wg_public_key& key, bool tell_it);
void on_update(pointer self, const msg::peer_update& update);
// What users ask for (connection_requests.cpp).
caf::typed_response_promise<msg::connection_view> on_connect(pointer self,
                                                             const msg::connect_peer& asked);
caf::typed_response_promise<msg::done> on_disconnect(pointer self,
                                                     const msg::disconnect_peer& asked);
caf::typed_response_promise<msg::connection_view> on_status(pointer self,
                                                            const msg::get_status& asked);
caf::typed_response_promise<msg::explanation> on_explain(pointer self,
                                                         const msg::explain_peer& asked);
msg::status_report on_list(pointer self);
/// A member of this name is there: whoever waits for it may go on.
void connect_awaited(pointer self, const net::peer_id& id);
/// Tells those who waited long enough that nobody came.
void end_patience(pointer self);

/// The guardian of a peer ended: on purpose, or past its budget. Or a subscriber went.
void on_down(pointer self, caf::down_msg& down);

} // namespace lanrage::actors::connections
