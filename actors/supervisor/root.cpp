#include "actors/supervisor/root.hpp"

#include "actors/shell.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace lanrage::actors {

namespace {

struct root_state {
  static inline const char* name = "root";
  std::vector<guarded_role> roles;
  fatal_handler fatal;
};
using root_actor = caf::stateful_actor<root_state>;

void end_all(root_actor* self) {
  auto& roles = self->state.roles;
  for (auto role = roles.rbegin(); role != roles.rend(); ++role)
    self->send_exit(role->guardian, caf::exit_reason::user_shutdown);
  roles.clear();
}

caf::behavior root(root_actor* self, std::vector<guarded_role> roles, fatal_handler fatal) {
  self->state.roles = std::move(roles);
  self->state.fatal = std::move(fatal);
  install_handlers(self, "root");
  self->set_down_handler([self](caf::down_msg& down) {
    auto& s = self->state;
    const auto dead = std::find_if(s.roles.begin(), s.roles.end(), [&](const auto& role) {
      return role.guardian.address() == down.source;
    });
    if (dead == s.roles.end()) return;
    const auto role = dead->name;
    const auto cause = text_of(down.reason);
    spdlog::critical("{} is gone for good: {}", role, cause);
    s.roles.erase(dead);
    end_all(self);
    if (s.fatal) s.fatal(role, cause);
    self->quit(msg::to_caf(net::fail(net::errc::internal, role + ": " + cause)));
  });
  self->set_exit_handler([self](caf::exit_msg& exit) {
    end_all(self);
    self->quit(std::move(exit.reason));
  });
  for (const auto& role : self->state.roles)
    self->monitor(role.guardian);
  for (const auto& role : self->state.roles)
    start_guardian(role.guardian);
  // Nothing is ever said to the root; a behaviour keeps it alive.
  return {[](caf::unit_t) {}};
}

} // namespace

caf::actor spawn_root(caf::actor_system& system, std::vector<guarded_role> roles,
                      fatal_handler fatal) {
  return system.spawn(root, std::move(roles), std::move(fatal));
}

} // namespace lanrage::actors
