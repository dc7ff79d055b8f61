#include "sim/drivers/drivers.hpp"

#include <utility>

namespace lanrage::sim {

actors::driver_factories virtual_drivers(caf::actor_system& system, shared_process process) {
  actors::driver_factories out;
  out.port = [&system, process, memory = std::make_shared<port_memory>()](const msg::roles&) {
    return spawn_port(system, process, memory);
  };
  out.prober = [&system, process](const msg::roles&) { return spawn_prober(system, process); };
  out.route_watch = [&system, process, memory = std::make_shared<route_watch_memory>()](
                        const msg::roles&) { return spawn_route_watch(system, process, memory); };
  out.wg_device = [&system, process](const msg::roles&) {
    return spawn_wg_device(system, process);
  };
  out.control_link = [&system, process,
                      started = std::make_shared<bool>(false)](const msg::roles& roles) {
    return spawn_control_link(system, roles, process, std::exchange(*started, true));
  };
  out.lan = [&system, process, memory = std::make_shared<lan_memory>()](const msg::roles& roles) {
    return spawn_lan(system, roles, process, memory);
  };
  out.store = [&system, process](const msg::roles&) { return spawn_store(system, process); };
  return out;
}

} // namespace lanrage::sim
