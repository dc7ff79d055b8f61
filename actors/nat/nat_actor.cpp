#include "actors/nat/nat_actor.hpp"

#include "actors/nat/nat_core.hpp"
#include "config/birthday_defaults.hpp"
#include "messages/error.hpp"

#include <caf/actor_system.hpp>
#include <caf/sec.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace lanrage::actors {

/// The armed deadline has come, unless another was armed since.
struct nat_due {
  std::uint64_t token = 0;
};
/// The route watch did not answer: ask again.
struct nat_ask_hosts {};

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::nat_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::nat_ask_hosts)

namespace lanrage::actors {

namespace {

namespace defaults = config::defaults;

using nat_shell = msg::nat_actor::extend<caf::reacts_to<nat_due>, caf::reacts_to<nat_ask_hosts>>;

struct nat_state {
  static inline const char* name = "nat";
  std::unique_ptr<nat_core> core;
  std::shared_ptr<nat_memory> memory;
  msg::roles roles;
  std::optional<msg::time_point> armed;
  std::uint64_t token = 0; ///< of the armed deadline
};
using nat_pointer = nat_shell::stateful_pointer<nat_state>;

/// One timer over everything; an earlier deadline outdates the armed one by its token.
void arm(nat_pointer self) {
  auto& state = self->state;
  const auto due = state.core->deadline();
  if (!due || (state.armed && *state.armed <= *due)) return;
  state.armed = due;
  const auto now = self->clock().now();
  const auto wait = std::max(*due - now, msg::time_point::duration::zero());
  self->delayed_send(self, wait, nat_due{++state.token});
}

void execute(nat_pointer self, nat_effects& effects);

/// Runs one step of the core and does what it wants done.
template <class Step>
void step(nat_pointer self, Step what) {
  nat_effects effects;
  what(*self->state.core, self->clock().now(), effects);
  execute(self, effects);
}

void rewrite(nat_pointer self, const std::vector<net::port_rewrite>& all) {
  self->state.memory->rewrites = self->state.core->rewrites();
  const auto heard = [self, all](const std::optional<net::error>& why_not) {
    if (why_not) spdlog::warn("nat: birthday probing: {}", net::to_string(*why_not));
    step(self, [&](auto& core, auto now, auto& out) { core.rewritten(all, why_not, now, out); });
    self->state.memory->rewrites = self->state.core->rewrites();
  };
  self->request(self->state.roles.port, defaults::birthday_rewrite_deadline,
                msg::rewrite_ports{all})
      .then([heard](const msg::done&) { heard(std::nullopt); },
            [heard](const caf::error& why) { heard(msg::from_caf(why)); });
}

void execute(nat_pointer self, nat_effects& effects) {
  auto& state = self->state;
  for (auto& frame : effects.frames)
    self->send(state.roles.port, std::move(frame));
  for (const auto& event : effects.events) {
    if (event.news == msg::path_news::proven || event.news == msg::path_news::failed)
      state.memory->punching.erase(event.key);
    const auto known = state.memory->expected.find(event.key);
    if (known != state.memory->expected.end()) self->send(known->second.sink, event);
  }
  if (effects.publish) {
    self->send(state.roles.directory, *effects.publish);
    self->send(state.roles.supervisor, *effects.publish);
  }
  if (effects.rewrites) rewrite(self, *effects.rewrites);
  arm(self);
}

void use_hosts(nat_pointer self, const msg::host_addresses& hosts) {
  self->state.memory->hosts = hosts;
  step(self, [&](auto& core, auto now, auto& out) { core.hosts(hosts, now, out); });
}

void use_relays(nat_pointer self, const msg::relays_listed& relays) {
  self->state.memory->relays = relays;
  step(self, [&](auto& core, auto now, auto& out) { core.relays(relays, now, out); });
}

void ask_hosts(nat_pointer self) {
  self->request(self->state.roles.route_watch, defaults::route_watch_timeout,
                msg::get_host_addresses{})
      .then([=](const msg::host_addresses& hosts) { use_hosts(self, hosts); },
            [=](const caf::error&) {
              self->delayed_send(self, defaults::route_watch_timeout, nat_ask_hosts{});
            });
}

void start_punch(nat_pointer self, const msg::start_punch& order) {
  const auto after = std::min<std::chrono::microseconds>(order.after, defaults::punch_after_max);
  const auto until = self->clock().now() + after + defaults::punch_deadline;
  self->state.memory->punching[order.key] = {order, until};
  step(self, [&](auto& core, auto now, auto& out) { core.start(order, now, out); });
}

/// Continues where the last incarnation stopped.
void resume(nat_pointer self) {
  auto& memory = *self->state.memory;
  if (memory.hosts) use_hosts(self, msg::host_addresses{*memory.hosts});
  if (memory.relays) use_relays(self, msg::relays_listed{*memory.relays});
  step(self, [&](auto& core, auto now, auto& out) { core.mapped(memory.mapped, now, out); });
  for (const auto& known : memory.expected)
    step(self, [&](auto& core, auto now, auto& out) { core.expect(known.second.what, now, out); });
  for (const auto& [key, there] : memory.rewrites)
    self->state.core->adopt(key, there);
  for (auto& [key, session] : std::exchange(memory.punching, {})) {
    if (session.until <= self->clock().now()) continue;
    session.order.after = {};
    start_punch(self, session.order);
  }
}

void attach(nat_pointer self) {
  const auto& roles = self->state.roles;
  self->send(roles.port, msg::attach_frames{msg::frame_interest::paths, roles.nat});
  self->send(roles.directory, msg::attach_directory{roles.nat});
  self->send(roles.route_watch, msg::attach_network{roles.nat});
}

void set_handlers(nat_pointer self) {
  self->set_exception_handler([](std::exception_ptr& problem) -> caf::error {
    try {
      std::rethrow_exception(problem);
    } catch (const std::exception& what) {
      spdlog::error("nat: crashed: {}", what.what());
    } catch (...) {
      spdlog::error("nat: crashed for an unknown reason");
    }
    return caf::sec::runtime_error;
  });
  self->set_down_handler([](caf::scheduled_actor*, caf::down_msg&) {});
  self->set_exit_handler(
      [](caf::scheduled_actor* me, caf::exit_msg& order) { me->quit(std::move(order.reason)); });
  self->set_default_handler([](caf::scheduled_actor*, caf::message_view&) {
    spdlog::warn("nat: a message that is not of its interface");
    return caf::result<caf::message>{caf::sec::unexpected_message};
  });
}

nat_shell::behavior_type nat(nat_pointer self, const msg::roles& roles,
                             const nat_settings& settings,
                             const std::shared_ptr<nat_memory>& memory) {
  set_handlers(self);
  auto& state = self->state;
  state.roles = roles;
  state.memory = memory;
  state.core = std::make_unique<nat_core>(settings.key, settings.listen_port, settings.random,
                                          settings.birthday);
  attach(self);
  resume(self);
  ask_hosts(self);
  return {
      [=](const msg::frame_received& frame) {
        step(self, [&](auto& core, auto now, auto& out) { core.receive(frame, now, out); });
      },
      [=](const msg::network_changed& news) { use_hosts(self, news.now); },
      [=](const msg::directory_event& event) {
        if (const auto* relays = std::get_if<msg::relays_listed>(&event.what))
          use_relays(self, *relays);
      },
      [=](const msg::get_paths&) { return self->state.core->paths(); },
      [=](const msg::get_tried& asked) {
        const auto* session = self->state.core->session_of(asked.key);
        return session ? session->tried() : msg::tried_addresses{};
      },
      [=](const msg::attach_paths& request) {
        self->state.memory->expected[request.what.key] = request;
        step(self, [&](auto& core, auto now, auto& out) { core.expect(request.what, now, out); });
      },
      [=](const msg::forget_peer& order) {
        self->state.memory->expected.erase(order.key);
        self->state.memory->punching.erase(order.key);
        step(self, [&](auto& core, auto, auto& out) { core.forget(order, out); });
      },
      [=](const msg::release_path& order) {
        step(self, [&](auto& core, auto, auto& out) { core.release(order, out); });
      },
      [=](const msg::start_punch& order) { start_punch(self, order); },
      [=](const msg::nominate_path& order) {
        step(self, [&](auto& core, auto now, auto& out) { core.nominate(order, now, out); });
      },
      [=](const msg::check_path& order) {
        step(self, [&](auto& core, auto now, auto& out) { core.check(order, now, out); });
      },
      [=](const msg::ports_mapped& news) {
        self->state.memory->mapped = news;
        step(self, [&](auto& core, auto now, auto& out) { core.mapped(news, now, out); });
      },
      [=](const nat_due& due) {
        if (due.token != self->state.token) return;
        self->state.armed.reset();
        step(self, [&](auto& core, auto now, auto& out) { core.tick(now, out); });
      },
      [=](const nat_ask_hosts&) { ask_hosts(self); },
  };
}

} // namespace

msg::nat_actor spawn_nat(caf::actor_system& system, const msg::roles& roles, nat_settings settings,
                         std::shared_ptr<nat_memory> memory) {
  return system.spawn(nat, roles, std::move(settings), std::move(memory));
}

} // namespace lanrage::actors
