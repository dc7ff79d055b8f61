#include "actors/shell.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace lanrage::sim {

namespace {

using lan_shell = msg::lan_actor::extend<caf::reacts_to<msg::network_changed>>;

struct lan_state {
  static inline const char* name = "lan";
  shared_process process;
  std::shared_ptr<lan_memory> memory;
  ~lan_state() {
    if (process && process->alive) process->on->hooks.lan = {};
  }
};

/// A machine has one interface; on the internet it has no neighbours.
msg::lan_ready interfaces(const lan_state& state) {
  const bool there = state.process->alive && state.process->on->has_lan();
  return {there ? std::vector<std::string>{"eth0"} : std::vector<std::string>{}};
}

lan_shell::behavior_type lan(lan_shell::stateful_pointer<lan_state> self, const msg::roles& roles,
                             const shared_process& process,
                             const std::shared_ptr<lan_memory>& memory) {
  actors::install_handlers(self, lan_state::name);
  self->state.process = process;
  self->state.memory = memory;
  self->send(roles.route_watch, msg::attach_network{caf::actor_cast<msg::network_sink>(self)});
  if (process->alive)
    process->on->hooks.lan = [memory](const packet& arrived) {
      if (!memory->sink) return;
      caf::anon_send(*memory->sink,
                     msg::lan_heard{{arrived.from.address, 1},
                                    std::make_shared<const net::bytes>(arrived.data)});
    };
  return {
      [self](const msg::lan_send& frame) {
        const auto& here = *self->state.process;
        if (!here.alive || !frame.data) return;
        const auto to = frame.to ? std::optional{frame.to->address} : std::nullopt;
        here.on->send_lan(to, *frame.data);
      },
      [self](const msg::attach_lan& wish) {
        self->state.memory->sink = wish.sink;
        self->send(wish.sink, interfaces(self->state));
      },
      [self](const msg::network_changed&) {
        if (const auto& sink = self->state.memory->sink) self->send(*sink, interfaces(self->state));
      },
  };
}

} // namespace

msg::lan_actor spawn_lan(caf::actor_system& system, const msg::roles& roles, shared_process process,
                         std::shared_ptr<lan_memory> memory) {
  return system.spawn(lan, roles, std::move(process), std::move(memory));
}

} // namespace lanrage::sim
