#pragma once

#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "actors/supervisor/connection_supervisor.hpp"

#include <caf/actor_cast.hpp>
#include <caf/atom.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What the two files of the connection supervisor share; nobody else includes it.
namespace lanrage::actors::connections {

using save_atom = caf::atom_constant<caf::atom("savepeers")>;
using lease_atom = caf::atom_constant<caf::atom("useaddress")>;
using own_interface =
    msg::connection_supervisor_actor::extend<caf::reacts_to<save_atom>, caf::reacts_to<lease_atom>>;

struct supervisor_state {
  static inline const char* name = "connections";
  msg::roles roles;
  connection_settings settings;
  std::shared_ptr<connection_memory> memory;
  std::map<net::wg_public_key, std::vector<promise_guard<msg::connection_view>>> connecting;
  std::map<net::wg_public_key, std::vector<promise_guard<msg::done>>> disconnecting;
  bool save_pending = false;
};
using pointer = own_interface::stateful_pointer<supervisor_state>;

inline msg::peer_actor address_of(const kept_peer& peer) {
  return caf::actor_cast<msg::peer_actor>(peer.guardian);
}

/// To every running peer, ordered by key.
template <class Message>
void tell_all(pointer self, const Message& message) {
  for (const auto& [key, peer] : self->state.memory->peers)
    if (peer.guardian) self->send(address_of(peer), message);
}
/// A line for `watch`.
void publish(pointer self, std::string what, std::string text,
             std::optional<msg::connection_view> view = std::nullopt);

void save_soon(pointer self);
void save(pointer self);

/// The latest word on a member, of any party of ours.
const msg::known_peer* known_record(const connection_memory& memory, const net::wg_public_key& key);
kept_peer& keep(connection_memory& memory, const net::peer_record& record);
/// Spawns the guardian of a kept peer, unless it runs, and tells it all we know.
void start_peer(pointer self, const net::wg_public_key& key);
void on_update(pointer self, const msg::peer_update& update);
/// The guardian of a peer ended: on purpose, or past its budget. Or a subscriber went.
void on_down(pointer self, caf::down_msg& down);

} // namespace lanrage::actors::connections
