#pragma once

#include "sim/report/figures.hpp"
#include "sim/scenario/runner.hpp"

#include <string>

namespace lanrage::sim::report {

/// One self-contained HTML page about a run that kept a record: no network, no scripts. The same
/// run gives the same bytes. `of.faults`: the plan that was played; `file`: the scenario; `rerun`:
/// the command for the same run.
std::string page(const scenario::script& of, const scenario::outcome& got, const std::string& file,
                 const std::string& rerun);

} // namespace lanrage::sim::report
