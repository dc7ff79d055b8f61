#include "actors/supervisor/guardian.hpp"

#include "actors/shell.hpp"
#include "messages/error.hpp"

#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/delegated.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/skip.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/system_messages.hpp>

#include <spdlog/spdlog.h>

#include <utility>

namespace lanrage::actors {

namespace {

using start_atom = caf::atom_constant<caf::atom("startnow")>;
using restart_atom = caf::atom_constant<caf::atom("restartnow")>;

struct guardian_state {
  static inline const char* name = "guardian";
  guardian_settings settings;
  restart_policy policy;
  caf::actor child; ///< none while waiting for the next incarnation
};
using guardian_actor = caf::stateful_actor<guardian_state>;

void on_death(guardian_actor* self, const std::string& cause);

void start(guardian_actor* self) {
  auto& s = self->state;
  s.policy.started(self->clock().now());
  try {
    s.child = s.settings.make(self->system(), caf::actor{self});
  } catch (const std::exception& broken) {
    return on_death(self, broken.what());
  }
  self->monitor(s.child);
}

void on_death(guardian_actor* self, const std::string& cause) {
  auto& s = self->state;
  s.child = nullptr;
  const auto& name = s.settings.name;
  const auto wait = s.policy.died(self->clock().now());
  if (s.settings.notify) s.settings.notify({name, cause, wait});
  if (wait) {
    spdlog::warn("{} died ({}), restarting in {} ms", name, cause, wait->count());
    self->delayed_send(self, *wait, restart_atom::value);
    return;
  }
  spdlog::error("{} died ({}) more than {} times within {} s: giving up", name, cause,
                s.settings.budget.per_window, s.settings.budget.window.count());
  self->quit(msg::to_caf(net::fail(net::errc::internal, name + " keeps dying: " + cause)));
}

void on_down(guardian_actor* self, caf::down_msg& down) {
  auto& s = self->state;
  if (s.settings.owner && down.source == s.settings.owner.address()) {
    if (s.child) self->send_exit(s.child, caf::exit_reason::user_shutdown);
    return self->quit(caf::exit_reason::user_shutdown); // not "done": nobody shall start another
  }
  if (!s.child || down.source != s.child.address()) return; // an earlier incarnation
  if (!down.reason) {
    s.child = nullptr;
    return self->quit();
  }
  on_death(self, text_of(down.reason));
}

caf::behavior running(guardian_actor* self) {
  return {[self](restart_atom) {
    if (!self->state.child) start(self);
  }};
}

/// Between two incarnations. CAF answers a one-way message with an error, too, of which its sender
/// would die: one death would take along everybody who speaks to the dead.
caf::result<caf::message> refuse(guardian_actor* self) {
  if (!self->current_mailbox_element()->mid.is_request()) return caf::delegated<caf::message>{};
  return msg::to_caf(net::fail(net::errc::closed, self->state.settings.name + " is restarting"));
}

caf::behavior guardian(guardian_actor* self, guardian_settings settings) {
  self->state.policy = restart_policy{settings.budget};
  self->state.settings = std::move(settings);
  install_handlers(self, self->state.settings.name);
  if (self->state.settings.owner) self->monitor(self->state.settings.owner);
  self->set_down_handler([self](caf::down_msg& down) { on_down(self, down); });
  self->set_exit_handler([self](caf::exit_msg& exit) {
    if (self->state.child) self->send_exit(self->state.child, exit.reason);
    self->quit(std::move(exit.reason));
  });
  self->set_default_handler(caf::skip); // kept until the first start
  return {[self](start_atom) {
    self->set_default_handler(
        [self](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
          if (!self->state.child) return refuse(self);
          return self->delegate(self->state.child, view.move_content_to_message());
        });
    self->become(running(self));
    start(self);
  }};
}

} // namespace

caf::actor spawn_guardian(caf::actor_system& system, guardian_settings settings) {
  return system.spawn(guardian, std::move(settings));
}

void start_guardian(const caf::actor& guardian) {
  caf::anon_send(guardian, start_atom::value);
}

} // namespace lanrage::actors
