#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>

namespace lanrage::sim {

/// An echo was answered, or its time is over.
struct echo_over {
  std::uint64_t token = 0;
  bool answered = false;
};

} // namespace lanrage::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::sim::echo_over)

namespace lanrage::sim {

namespace {

constexpr std::uint16_t echo_octets = 36; ///< IPv4, ICMP and 8 octets, as the real prober's

using prober_shell = msg::prober_actor::extend<caf::reacts_to<echo_over>>;

struct pending_echo {
  actors::promise_guard<msg::probe_report> promise;
  time_point sent;
};
struct prober_state {
  static inline const char* name = "prober";
  shared_process process;
  std::map<std::uint64_t, pending_echo> under_way;
  ~prober_state() {
    if (process && process->alive) process->on->hooks.echo = {};
  }
};
using prober_pointer = prober_shell::stateful_pointer<prober_state>;

caf::result<msg::probe_report> ask(prober_pointer self, const msg::probe_tunnel& wish) {
  auto& state = self->state;
  // Not being able to ask at all is a loss at once.
  if (!wish.to.leased() || !state.process->alive) return msg::probe_report{};
  const auto now = self->clock().now();
  const auto token = state.process->on->probe(wish.to, echo_octets);
  if (!token) return msg::probe_report{};
  const actors::promise_guard guard{self->make_response_promise<msg::probe_report>()};
  state.under_way.emplace(*token, pending_echo{guard, now});
  self->delayed_send(self, wish.timeout, echo_over{*token, false});
  return guard.promise();
}

void end(prober_pointer self, const echo_over& over) {
  auto& state = self->state;
  const auto found = state.under_way.find(over.token);
  if (found == state.under_way.end()) return;
  msg::probe_report report;
  if (over.answered) report.rtt = self->clock().now() - found->second.sent;
  found->second.promise.deliver(report);
  state.under_way.erase(found);
}

prober_shell::behavior_type prober(prober_pointer self, const shared_process& process) {
  actors::install_handlers(self, prober_state::name);
  self->state.process = process;
  const caf::weak_actor_ptr weak{self->ctrl()};
  if (process->alive)
    process->on->hooks.echo = [weak](std::uint64_t token) {
      if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(weak))
        caf::anon_send(caf::actor_cast<prober_shell>(alive), echo_over{token, true});
    };
  return {
      [self](const msg::probe_tunnel& wish) { return ask(self, wish); },
      [self](const echo_over& over) { end(self, over); },
  };
}

} // namespace

msg::prober_actor spawn_prober(caf::actor_system& system, shared_process process) {
  return system.spawn(prober, std::move(process));
}

} // namespace lanrage::sim
