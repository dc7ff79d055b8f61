#include "actors/shell.hpp"
#include "config/defaults.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>

namespace lanrage::sim {

struct network_stirred {
  duration slept{};
};
struct network_quiet {};

} // namespace lanrage::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::sim::network_stirred)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::sim::network_quiet)

namespace lanrage::sim {

namespace {

using watch_shell =
    msg::route_watch_actor::extend<caf::reacts_to<network_stirred>, caf::reacts_to<network_quiet>>;

struct watch_state {
  static inline const char* name = "route watch";
  shared_process process;
  std::shared_ptr<route_watch_memory> memory;
  bool settling = false;
  duration slept{}; ///< worth telling with the news
  ~watch_state() {
    if (process && process->alive) process->on->hooks.network = {};
  }
};
using watch_pointer = watch_shell::stateful_pointer<watch_state>;

msg::host_addresses addresses(const watch_state& state) {
  if (!state.process->alive) return {};
  return {state.process->on->addresses()};
}

void on_attach(watch_pointer self, const msg::network_sink& sink) {
  auto& listeners = self->state.memory->listeners;
  if (std::find(listeners.begin(), listeners.end(), sink) != listeners.end()) return;
  listeners.push_back(sink);
  self->monitor(sink);
}

watch_shell::behavior_type watch(watch_pointer self, const shared_process& process,
                                 const std::shared_ptr<route_watch_memory>& memory) {
  actors::install_handlers(self, watch_state::name);
  self->set_down_handler([self](caf::down_msg& down) {
    std::erase_if(self->state.memory->listeners,
                  [&](const auto& each) { return each.address() == down.source; });
  });
  self->state.process = process;
  self->state.memory = memory;
  for (const auto& each : memory->listeners)
    self->monitor(each);
  const caf::weak_actor_ptr weak{self->ctrl()};
  if (process->alive)
    process->on->hooks.network = [weak](duration slept) {
      if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
        caf::anon_send(caf::actor_cast<watch_shell>(alive), network_stirred{slept});
    };
  return {
      [self](const msg::get_host_addresses&) { return addresses(self->state); },
      [self](const msg::attach_network& wish) { on_attach(self, wish.sink); },
      [self](const network_stirred& news) {
        self->state.slept = std::max(self->state.slept, news.slept);
        if (std::exchange(self->state.settling, true)) return;
        self->delayed_send(self, config::defaults::network_settle, network_quiet{});
      },
      [self](const network_quiet&) {
        self->state.settling = false;
        const auto slept = std::exchange(self->state.slept, duration{});
        for (const auto& each : self->state.memory->listeners)
          self->send(each, msg::network_changed{addresses(self->state), slept});
      },
  };
}

} // namespace

msg::route_watch_actor spawn_route_watch(caf::actor_system& system, shared_process process,
                                         std::shared_ptr<route_watch_memory> memory) {
  return system.spawn(watch, std::move(process), std::move(memory));
}

} // namespace lanrage::sim
