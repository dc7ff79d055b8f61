#include "actors/wg/wg_writer.hpp"

#include "actors/promise_guard.hpp"
#include "actors/shell.hpp"
#include "actors/wg/writer_core.hpp"
#include "messages/error.hpp"

#include <caf/actor_system.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <spdlog/spdlog.h>

#include <map>
#include <optional>
#include <utility>
#include <variant>

namespace lanrage::actors {

struct writer_tick {
  std::uint64_t generation = 0;
};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::writer_tick)

namespace lanrage::actors {

namespace {

using config::defaults::wg_call_deadline;

// The driver's own deadlines end its work; these are for a driver that died with the question.
constexpr auto observe_timeout = 2 * wg_call_deadline;
constexpr auto apply_timeout = 5 * wg_call_deadline;  // a party is two `wg` calls
constexpr auto ensure_timeout = 8 * wg_call_deadline; // tools and wireguard-go, one after another

using shell_actor = msg::wireguard_writer_actor::extend<caf::reacts_to<writer_tick>>;
using promise = std::variant<promise_guard<msg::done>, promise_guard<msg::peer_applied>,
                             promise_guard<msg::assert_report>>;

struct writer_state {
  static inline const char* name = "wireguard writer";

  std::shared_ptr<writer_memory> memory;
  std::optional<writer_core> core;
  msg::wg_device_actor device;
  msg::connection_supervisor_actor supervisor;
  std::map<request_id, promise> promises;
  request_id last_request = 0;
  std::uint64_t generation = 0;
  std::optional<msg::time_point> armed;
};

using writer_pointer = shell_actor::stateful_pointer<writer_state>;

void run(writer_pointer self, writer_effects effects);

/// One call into the core and everything that follows from it.
template <class Event>
void drive(writer_pointer self, Event&& event) {
  writer_effects effects;
  event(*self->state.core, self->clock().now(), effects);
  run(self, std::move(effects));
}

template <class Answer, class Question, class Handler>
void ask(writer_pointer self, std::chrono::seconds timeout, const Question& question,
         Handler handler) {
  const auto back = [self, handler](net::result<Answer> answer) {
    drive(self, [&](writer_core& core, msg::time_point now, writer_effects& out) {
      (core.*handler)(std::move(answer), now, out);
    });
  };
  self->request(self->state.device, timeout, question)
      .then([back](Answer& answer) { back(std::move(answer)); },
            [back](const caf::error& failed) { back(msg::from_caf(failed)); });
}

struct deliver {
  template <class Answer>
  void operator()(promise_guard<Answer>& open, const Answer& answer) const {
    open.deliver(answer);
  }
  template <class Answer>
  void operator()(promise_guard<Answer>& open, const net::error& why) const {
    open.fail(why);
  }
  template <class Answer, class Other>
  void operator()(promise_guard<Answer>& open, const Other&) const {
    open.fail(net::fail(net::errc::internal, "an answer to another question"));
  }
};

struct execute {
  writer_pointer self;

  void operator()(const device_question& question) const { std::visit(*this, question); }
  void operator()(const msg::ensure_device& question) const {
    ask<msg::device_state>(self, ensure_timeout, question, &writer_core::device_ensured);
  }
  void operator()(const msg::observe_device& question) const {
    ask<msg::device_state>(self, observe_timeout, question, &writer_core::device_observed);
  }
  void operator()(const msg::apply_changes& question) const {
    ask<msg::done>(self, apply_timeout, question, &writer_core::device_applied);
  }
  void operator()(const msg::remove_device& question) const {
    ask<msg::done>(self, apply_timeout, question, &writer_core::device_removed);
  }
  void operator()(const writer_answer& answer) const {
    auto node = self->state.promises.extract(answer.request);
    if (node.empty()) return;
    std::visit(deliver{}, node.mapped(), answer.what);
  }
  void operator()(const msg::wg_signal& signal) const {
    const auto sink = self->state.memory->sinks.find(signal.key);
    if (sink != self->state.memory->sinks.end()) self->send(sink->second, signal);
  }
  void operator()(const msg::handshake_seen& what) const {
    self->send(self->state.supervisor, what);
  }
  void operator()(const writer_note& note) const {
    spdlog::log(note.warning ? spdlog::level::warn : spdlog::level::info, "wireguard: {}",
                note.text);
  }
};

void run(writer_pointer self, writer_effects effects) {
  for (const auto& effect : effects)
    std::visit(execute{self}, effect);
  auto& state = self->state;
  const auto due = state.core->deadline();
  if (due == state.armed) return;
  state.armed = due;
  if (!due) return;
  const auto wait = std::max<std::chrono::nanoseconds>(*due - self->clock().now(), {});
  self->delayed_send(self, wait, writer_tick{++state.generation});
}

/// A request that the core answers by its id, now or later.
template <class Answer, class Order>
caf::typed_response_promise<Answer> take(writer_pointer self, const Order& order) {
  const promise_guard<Answer> open{self->template make_response_promise<Answer>()};
  const auto id = ++self->state.last_request;
  self->state.promises.emplace(id, open);
  drive(self, [&](writer_core& core, msg::time_point now, writer_effects& out) {
    core.request(id, order, now, out);
  });
  return open.promise();
}

void attach(writer_pointer self, const msg::attach_wg& order) {
  self->state.memory->sinks[order.what.key] = order.sink;
  self->monitor(order.sink);
  drive(self, [&](writer_core& core, msg::time_point now, writer_effects& out) {
    core.watch(order.what, now, out);
  });
}

void detach(writer_pointer self, const msg::unwatch_peer& order) {
  self->state.memory->sinks.erase(order.key);
  self->state.core->unwatch(order);
}

/// A watcher that died stops watching.
void forget(writer_pointer self, const caf::down_msg& down) {
  auto& sinks = self->state.memory->sinks;
  for (auto at = sinks.begin(); at != sinks.end();) {
    const auto key = at->first;
    const bool dead = at->second.address() == down.source;
    at = dead ? sinks.erase(at) : std::next(at);
    if (dead) self->state.core->unwatch({key});
  }
}

shell_actor::behavior_type writer(writer_pointer self, const msg::roles& roles,
                                  const writer_settings& settings,
                                  const std::shared_ptr<writer_memory>& memory) {
  install_handlers(self, writer_state::name);
  self->set_down_handler([self](const caf::down_msg& down) { forget(self, down); });
  self->state.memory = memory;
  self->state.device = roles.wg_device;
  self->state.supervisor = roles.supervisor;
  self->state.core.emplace(memory->records, settings.timing);
  for (const auto& [key, sink] : memory->sinks)
    self->monitor(sink);
  drive(self,
        [](writer_core& core, msg::time_point now, writer_effects& out) { core.start(now, out); });
  return {
      [=](const msg::interface_wanted& order) { return take<msg::done>(self, order); },
      [=](const msg::set_peer& order) { return take<msg::peer_applied>(self, order); },
      [=](const msg::reset_peer& order) { return take<msg::peer_applied>(self, order); },
      [=](const msg::remove_peer& order) { return take<msg::peer_applied>(self, order); },
      [=](const msg::assert_endpoint& order) { return take<msg::assert_report>(self, order); },
      [=](const msg::attach_wg& order) { attach(self, order); },
      [=](const msg::unwatch_peer& order) { detach(self, order); },
      [=](const writer_tick& tick) {
        if (tick.generation != self->state.generation) return;
        self->state.armed.reset();
        drive(self, [](writer_core& core, msg::time_point now, writer_effects& out) {
          core.tick(now, out);
        });
      },
  };
}

} // namespace

msg::wireguard_writer_actor spawn_wireguard_writer(caf::actor_system& system,
                                                   const msg::roles& roles,
                                                   const writer_settings& settings,
                                                   std::shared_ptr<writer_memory> memory) {
  return system.spawn(writer, roles, settings, std::move(memory));
}

} // namespace lanrage::actors
