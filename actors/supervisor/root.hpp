#pragma once

#include "actors/supervisor/guardian.hpp"

#include <caf/actor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace lanrage::actors {

/// A role and its guardian, which was spawned but not started.
struct guarded_role {
  std::string name;
  caf::actor guardian;
};

/// Called once, from an actor's thread, when a role exceeded its budget: post it to the main
/// thread, which ends the daemon with a non-zero code.
using fatal_handler = std::function<void(const std::string& role, const std::string& cause)>;

/// The top of the tree: starts the roles in the given order, which is that of their dependencies.
/// When one gives up, it ends all in the opposite order, calls `fatal` and quits with an error.
/// An exit message ends all in the opposite order, too, without `fatal`.
///
/// Wiring: spawn a guardian for every role (spawn_guardian), put their addresses into one shared
/// msg::roles that the factories read, then spawn the root.
caf::actor spawn_root(caf::actor_system& system, std::vector<guarded_role> roles,
                      fatal_handler fatal);

} // namespace lanrage::actors
