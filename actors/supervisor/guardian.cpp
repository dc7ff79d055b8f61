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

#include <mutex>
#include <utility>

namespace lanrage::actors {

namespace {

using start_atom = caf::atom_constant<caf::atom("startnow")>;
using restart_atom = caf::atom_constant<caf::atom("restartnow")>;
using open_atom = caf::atom_constant<caf::atom("opendoor")>;

struct guardian_state {
  static inline const char* name = "guardian";
  guardian_settings settings;
  restart_policy policy;
  caf::actor child; ///< none while waiting for the next incarnation
};

/// While its child lives, what others say goes straight into the child's mailbox, from whatever
/// thread they say it: without this every message to every role is handled twice.
class guardian_actor final : public caf::stateful_actor<guardian_state> {
 public:
  using caf::stateful_actor<guardian_state>::stateful_actor;

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* unit) override {
    if (is_ours(what->content())) return enqueue_here(std::move(what), unit);
    std::unique_lock lock{door_};
    if (!through_) return enqueue_here(std::move(what), unit); // before the door can open
    const auto child = through_;
    lock.unlock();
    child->enqueue(std::move(what), unit);
  }
  /// Asks for the door to be opened when all that was said before has been passed on.
  void open_soon() { send(this, open_atom::value); }
  void open() {
    const std::lock_guard lock{door_};
    if (!state.child) return;
    if (!mailbox().empty()) return open_soon();
    through_ = caf::actor_cast<caf::strong_actor_ptr>(state.child);
  }
  void close() {
    const std::lock_guard lock{door_};
    through_ = nullptr;
  }
  void leave(caf::error why = {}) {
    close();
    quit(std::move(why));
  }

 private:
  static bool is_ours(const caf::type_erased_tuple& what) {
    return what.match_elements<caf::down_msg>() || what.match_elements<caf::exit_msg>() ||
           what.match_elements<start_atom>() || what.match_elements<restart_atom>() ||
           what.match_elements<open_atom>();
  }
  void enqueue_here(caf::mailbox_element_ptr what, caf::execution_unit* unit) {
    caf::stateful_actor<guardian_state>::enqueue(std::move(what), unit);
  }

  std::mutex door_;
  caf::strong_actor_ptr through_; ///< none: through our own mailbox
};

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
  self->open_soon();
}

void on_death(guardian_actor* self, const std::string& cause) {
  auto& s = self->state;
  self->close();
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
  self->leave(msg::to_caf(net::fail(net::errc::internal, name + " keeps dying: " + cause)));
}

void on_down(guardian_actor* self, caf::down_msg& down) {
  auto& s = self->state;
  if (s.settings.owner && down.source == s.settings.owner.address()) {
    if (s.child) self->send_exit(s.child, caf::exit_reason::user_shutdown);
    return self->leave(caf::exit_reason::user_shutdown); // not "done": nobody shall start another
  }
  if (!s.child || down.source != s.child.address()) return; // an earlier incarnation
  if (!down.reason) {
    s.child = nullptr;
    return self->leave();
  }
  on_death(self, text_of(down.reason));
}

caf::behavior running(guardian_actor* self) {
  return {
      [self](restart_atom) {
        if (!self->state.child) start(self);
      },
      [self](open_atom) { self->open(); },
  };
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
    self->leave(std::move(exit.reason));
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
