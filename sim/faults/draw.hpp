#pragma once

#include "sim/faults/plan.hpp"
#include "sim/scenario/script.hpp"

#include <string>
#include <vector>

namespace lanrage::sim::faults {

struct drawn_plan {
  plan what;
  std::vector<std::string> knobs; ///< all that was drawn, for the first lines of a run
};

/// A plan in swarm style (Groce et al., 2012: leaving features out finds more): per seed a subset
/// of the kinds, how often each comes, and every argument, sometimes zero. Everything is drawn from
/// streams named after what is drawn, so that one kind more does not move another's draws.
/// Windows lie between a tenth and three quarters of the run: what comes before is the first
/// connecting, what comes behind is for healing.
drawn_plan draw_plan(std::uint64_t seed, const scenario::script& of, duration until);

} // namespace lanrage::sim::faults
