#pragma once

#include "actors/wiring.hpp"
#include "sim/drivers/process.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <optional>
#include <vector>

/// The seams of the mesh (actors/drivers/), on a virtual machine instead of a real one. Each says
/// and keeps silent about exactly what the real driver does.
namespace lanrage::sim {

using shared_process = std::shared_ptr<daemon_process>;

/// Outlives a crashed incarnation of the port driver.
struct port_memory {
  std::optional<msg::frame_sink> paths;
  std::optional<msg::frame_sink> relays;
};
/// Outlives a crashed incarnation of the route watch.
struct route_watch_memory {
  std::vector<msg::network_sink> listeners;
};

/// Outlives a crashed incarnation of the driver of the local network.
struct lan_memory {
  std::optional<msg::lan_sink> sink;
};

msg::port_actor spawn_port(caf::actor_system& system, shared_process process,
                           std::shared_ptr<port_memory> memory);
msg::prober_actor spawn_prober(caf::actor_system& system, shared_process process);
msg::route_watch_actor spawn_route_watch(caf::actor_system& system, shared_process process,
                                         std::shared_ptr<route_watch_memory> memory);
msg::wg_device_actor spawn_wg_device(caf::actor_system& system, shared_process process);
msg::control_link_actor spawn_control_link(caf::actor_system& system, const msg::roles& roles,
                                           shared_process process, bool restarted);
msg::store_actor spawn_store(caf::actor_system& system, shared_process process);
msg::lan_actor spawn_lan(caf::actor_system& system, const msg::roles& roles, shared_process process,
                         std::shared_ptr<lan_memory> memory);

/// All of them, for start_mesh.
actors::driver_factories virtual_drivers(caf::actor_system& system, shared_process process);

} // namespace lanrage::sim
