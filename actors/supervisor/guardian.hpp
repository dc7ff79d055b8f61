#pragma once

#include "actors/supervisor/restart_policy.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <functional>
#include <string>

namespace lanrage::actors {

/// Makes one incarnation. `address` is the guardian's: what the incarnation hands out as its own.
/// May throw, which counts as a death.
using incarnation_factory =
    std::function<caf::actor(caf::actor_system&, const caf::actor& address)>;

/// Told once per death: whose, why, and when the next incarnation starts; no wait: it gave up.
struct death_notice {
  std::string name;
  std::string cause;
  std::optional<std::chrono::milliseconds> restart_in;
};

struct guardian_settings {
  std::string name; ///< for the log
  incarnation_factory make;
  restart_budget budget;
  caf::actor owner; ///< when it goes down, the guardian takes its child and itself down
  std::function<void(const death_notice&)> notify;
};

/// A stable address for an actor that may crash; cast it with
/// `caf::actor_cast<X_actor>(guardian)`. Messages are delegated to the current incarnation, so
/// answers come straight from it. Before the first start messages wait; between two incarnations
/// requests fail at once with errc::closed and one-way messages are lost. A normal exit of the
/// incarnation ends the guardian normally; past the budget it quits with errc::internal, which its
/// monitors see.
/// Starts its first incarnation when told by start_guardian().
caf::actor spawn_guardian(caf::actor_system& system, guardian_settings settings);
void start_guardian(const caf::actor& guardian);

} // namespace lanrage::actors
