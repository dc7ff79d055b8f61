#include "actors/drivers/wg_driver.hpp"

#include "actors/shell.hpp"
#include "messages/error.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <optional>
#include <utility>

namespace lanrage::actors {

namespace {

struct driver_state {
  static inline const char* name = "wireguard driver";
  std::optional<net::os::wg_interface> device;
};

using device_pointer = msg::wg_device_actor::stateful_pointer<driver_state>;

msg::wg_device_actor::behavior_type
wg_device_behavior(device_pointer self, const net::os::wg_interface_options& options) {
  install_handlers(self, driver_state::name);
  self->state.device.emplace(options);
  return {
      [self](const msg::ensure_device& order) -> caf::result<msg::device_state> {
        auto ready = self->state.device->ensure(order.address);
        if (!ready) return msg::to_caf(ready.error());
        return msg::device_state{std::move(ready->seen), ready->created};
      },
      [self](const msg::observe_device&) -> caf::result<msg::device_state> {
        auto seen = self->state.device->observe();
        if (!seen) return msg::to_caf(seen.error());
        return msg::device_state{std::move(*seen), false};
      },
      [self](const msg::apply_changes& order) -> caf::result<msg::done> {
        const auto done = self->state.device->apply(order.changes);
        if (!done) return msg::to_caf(done.error());
        return msg::done{};
      },
      [self](const msg::remove_device& order) -> caf::result<msg::done> {
        const auto done = self->state.device->remove(order.peers);
        if (!done) return msg::to_caf(done.error());
        return msg::done{};
      },
  };
}

} // namespace

msg::wg_device_actor spawn_wg_driver(caf::actor_system& system,
                                     const net::os::wg_interface_options& options) {
  return system.spawn<caf::detached>(wg_device_behavior, options);
}

} // namespace lanrage::actors
