#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "sim/drivers/drivers.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <functional>

namespace lanrage::sim {

/// The call that is under way has taken its time.
struct call_done {};

} // namespace lanrage::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::sim::call_done)

namespace lanrage::sim {

namespace {

using device_shell = msg::wg_device_actor::extend<caf::reacts_to<call_done>>;

struct device_state {
  static inline const char* name = "wireguard driver";
  shared_process process;
  struct call {
    duration takes{};
    std::function<void()> finish;
  };
  std::deque<call> calls; ///< one after another, as a thread would
};
using device_pointer = device_shell::stateful_pointer<device_state>;

void start_first(device_pointer self) {
  self->delayed_send(self, self->state.calls.front().takes, call_done{});
}

/// Does `work` when the call has taken its time; what takes none is done at once.
template <class Answer, class Work>
caf::result<Answer> perform(device_pointer self, device_call kind, Work work) {
  auto& state = self->state;
  if (!state.process->alive) return msg::to_caf(net::fail(net::errc::closed, "killed"));
  const auto run = [process = state.process, kind, work]() -> net::result<Answer> {
    if (!process->alive) return net::fail(net::errc::closed, "killed");
    if (auto why = process->on->next_failure(kind)) return *why;
    auto done = work(*process->on);
    if (done && process->on->faults)
      if (auto why = process->on->faults->loses_answer(*process->on, kind)) return *why;
    return done;
  };
  const auto takes = state.process->on->takes(kind);
  if (takes == duration{} && state.calls.empty()) {
    auto done = run();
    if (!done) return msg::to_caf(done.error());
    return std::move(*done);
  }
  actors::promise_guard guard{self->template make_response_promise<Answer>()};
  state.calls.push_back({takes, [run, guard]() mutable {
                           auto done = run();
                           if (done)
                             guard.deliver(std::move(*done));
                           else
                             guard.fail(done.error());
                         }});
  if (state.calls.size() == 1) start_first(self);
  return guard.promise();
}

device_shell::behavior_type device(device_pointer self, const shared_process& process) {
  actors::install_handlers(self, device_state::name);
  self->state.process = process;
  return {
      [self](const msg::ensure_device& order) {
        return perform<msg::device_state>(
            self, device_call::ensure,
            [address = order.address](machine& on) { return on.ensure(address); });
      },
      [self](const msg::observe_device&) {
        return perform<msg::device_state>(self, device_call::observe,
                                          [](machine& on) { return on.observe(); });
      },
      [self](const msg::apply_changes& order) {
        return perform<msg::done>(self, device_call::apply, [changes = order.changes](machine& on) {
          return on.apply(changes);
        });
      },
      [self](const msg::remove_device& order) {
        return perform<msg::done>(self, device_call::remove,
                                  [peers = order.peers](machine& on) { return on.remove(peers); });
      },
      [self](const call_done&) {
        auto& calls = self->state.calls;
        if (calls.empty()) return;
        const auto finish = std::move(calls.front().finish);
        calls.pop_front();
        finish();
        if (!calls.empty()) start_first(self);
      },
  };
}

} // namespace

msg::wg_device_actor spawn_wg_device(caf::actor_system& system, shared_process process) {
  return system.spawn(device, std::move(process));
}

} // namespace lanrage::sim
