#pragma once

#include "actors/supervisor/root.hpp"
#include "config/settings.hpp"
#include "messages/interfaces.hpp"
#include "net/crypto.hpp"
#include "net/keys.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// The one place where the actors are composed; the daemon, the simulation and the fault tests
/// differ only in what they pass here.
namespace lanrage::actors {

/// Makes each driver anew whenever its guardian asks: the seams of architecture, section 6.
struct driver_factories {
  std::function<msg::port_actor(const msg::roles&)> port;
  std::function<msg::prober_actor(const msg::roles&)> prober;
  std::function<msg::route_watch_actor(const msg::roles&)> route_watch;
  std::function<msg::wg_device_actor(const msg::roles&)> wg_device;
  std::function<msg::control_link_actor(const msg::roles&)> control_link;
  std::function<msg::relay_streams_actor(const msg::roles&)> streams;
  std::function<msg::store_actor(const msg::roles&)> store;
  /// May be empty: members on the local network are not looked for then.
  std::function<msg::lan_actor(const msg::roles&)> lan;
};

struct mesh_settings {
  config::daemon_settings daemon;
  net::wg_private_key key;
  std::uint64_t seed = 0;    ///< of all randomness that need not be secret
  net::random_source random; ///< for nonces and secrets; the simulation's is seeded
  /// The same for what is said on the local network; empty: `random`. Apart in the simulation, so
  /// that a neighbour moves no other draw.
  net::random_source lan_random;
  msg::wall_clock wall;
  /// Told of every incarnation of a role, by the name in the log, and of a peer's actor, as
  /// "peer NAME". May be empty: it is what faults aim at.
  std::function<void(const std::string& name, const caf::actor&)> on_birth;
  /// Told of the key that is ours from now on: all is to be ended, and started with it. May be
  /// empty.
  std::function<void(const net::wg_private_key&)> on_rotated;
  /// Documents of the store as they were at the start, by name; a missing one is a first start.
  std::map<std::string, std::string> documents;
};

/// One more role that only some programs have, such as the daemon's local API.
struct extra_role {
  std::string name;
  std::function<caf::actor(const msg::roles&)> make;
};

/// A running set of roles. An exit message to `root` ends them all.
struct mesh {
  msg::roles roles;
  caf::actor root;
};

/// Spawns everything under one root. `fatal` hears of the role that exceeded its restart budget;
/// all is ended then. bad_state when a document cannot be read: nothing is started then.
net::result<mesh> start_mesh(caf::actor_system& system, const mesh_settings& settings,
                             const driver_factories& drivers, std::vector<extra_role> extras,
                             fatal_handler fatal);

} // namespace lanrage::actors
