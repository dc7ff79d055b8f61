#include "actors/shell.hpp"
#include "config/defaults.hpp"
#include "net/frames.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace lanrage::sim {

namespace {

struct port_state {
  static inline const char* name = "port";
  shared_process process;
  ~port_state() {
    if (process && process->alive) process->on->hooks.frame = {};
  }
};

/// Straight to who is interested: as the real driver, without its own mailbox in between.
void pass_on(const port_memory& memory, const packet& arrived) {
  const bool relay = net::classify(arrived.data) == net::datagram_class::relay;
  const auto& sink = relay ? memory.relays : memory.paths;
  if (!sink) return;
  const auto port =
      arrived.to.port == config::defaults::listen_port ? std::uint16_t{0} : arrived.to.port;
  caf::anon_send(*sink,
                 msg::frame_received{arrived.from, arrived.to.address,
                                     std::make_shared<const net::bytes>(arrived.data), port});
}

msg::port_actor::behavior_type port(msg::port_actor::stateful_pointer<port_state> self,
                                    const shared_process& process,
                                    const std::shared_ptr<port_memory>& memory) {
  actors::install_handlers(self, port_state::name);
  self->state.process = process;
  if (process->alive)
    process->on->hooks.frame = [memory](const packet& arrived) { pass_on(*memory, arrived); };
  return {
      [self](const msg::send_frame& frame) {
        const auto& here = *self->state.process;
        if (here.alive && frame.data) here.on->send_frame(frame.to, *frame.data, frame.from_port);
      },
      [self](const msg::learn_index& wish) {
        const auto& here = *self->state.process;
        return msg::learned_index{here.alive ? here.on->session_towards(wish.to) : std::nullopt};
      },
      [self](const msg::rewrite_ports& order) {
        const auto& here = *self->state.process;
        if (here.alive) here.on->rewrite_ports(order.all);
        return msg::done{};
      },
      [memory](const msg::attach_frames& wish) {
        (wish.interest == msg::frame_interest::paths ? memory->paths : memory->relays) = wish.sink;
      },
  };
}

} // namespace

msg::port_actor spawn_port(caf::actor_system& system, shared_process process,
                           std::shared_ptr<port_memory> memory) {
  return system.spawn(port, std::move(process), std::move(memory));
}

} // namespace lanrage::sim
