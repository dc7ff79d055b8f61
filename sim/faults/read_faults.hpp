#pragma once

#include "sim/faults/plan.hpp"
#include "sim/scenario/fields.hpp"

/// Only for the readers of plans and of scenarios.
namespace lanrage::sim::faults {

/// The [[fault]] tables of a plan or a scenario, whose members, boxes and relays are read already.
void read_faults(scenario::problems& into, const toml::node& node, const scenario::script& of,
                 plan& out, ground where = ground::simulation);

} // namespace lanrage::sim::faults
