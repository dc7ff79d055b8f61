#pragma once

#include "actors/supervisor/restart_policy.hpp"
#include "config/settings.hpp"
#include "messages/interfaces.hpp"

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/fwd.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// Makes a peer's actor. `address` is its guardian's. Passed in by the wiring, since roles do not
/// know each other.
using peer_factory = std::function<msg::peer_actor(
    caf::actor_system&, const std::shared_ptr<const msg::roles>& roles,
    std::shared_ptr<msg::peer_memory> memory, const msg::peer_actor& address)>;

struct connection_settings {
  net::wg_public_key own;
  net::peer_id id;          ///< our own name
  bool auto_connect = true; ///< connect to every member of our parties
  msg::wall_clock wall;
  restart_budget peer_budget;
  peer_factory make_peer;
};

/// What was to be said to a peer's actor while it was asked whether it rests.
struct held_words {
  bool any = false;
  std::optional<msg::connect_peer> asked;
  std::vector<msg::signal_received> signals;
};

/// One connection as the supervisor keeps it; survives the supervisor's own crash.
struct kept_peer {
  msg::peer_memory saved; ///< as its actor reported last; never absent
  bool wanted = true;     ///< this one counts, not that in `saved`
  /// Its actor has ended since there was nothing to do; another is made when there is.
  bool rests = false;
  net::boxed<held_words> held; ///< asked whether it rests, and not answered yet
  net::shared<msg::connection_view> view;
  caf::actor guardian;     ///< none: not running
  caf::actor_addr speaker; ///< the incarnation that reported last
  /// What it was told to end with; the next incarnation is told again.
  std::optional<msg::close_peer> closing;
};

/// Only who is of an earlier run can be kept and known to no directory.
struct restored_peers {
  std::multimap<net::peer_id, net::wg_public_key> by_id;
  std::multimap<net::virtual_ip, net::wg_public_key> by_address;
};

struct connection_memory {
  std::map<net::wg_public_key, kept_peer> peers;
  restored_peers restored;
  /// Everyone the directory told of, by key and party.
  std::map<std::pair<net::wg_public_key, net::party_id>, msg::known_peer> known;
  msg::self_view self;
  std::optional<msg::interface_wanted> interface; ///< absent: the directory has not spoken yet
  std::optional<msg::own_paths> paths;
  std::optional<msg::own_legs> legs;
  std::vector<msg::event_sink> subscribers;
};

/// What was saved by an earlier run, ready for spawn_connection_supervisor().
std::shared_ptr<connection_memory> restore_connections(std::vector<msg::saved_peer> saved);

/// The public face of the daemon. Connects what is wanted, restarts crashed peers from their saved
/// record while WireGuard keeps them, and escalates when one keeps dying.
msg::connection_supervisor_actor
spawn_connection_supervisor(caf::actor_system& system, const msg::roles& roles,
                            connection_settings settings,
                            std::shared_ptr<connection_memory> memory);

} // namespace lanrage::actors
