#pragma once

#include "cli/sim.hpp"

#include <functional>

namespace CLI {
class App;
}

/// `lanrage sim faults` and `lanrage sim shrink` (docs/faults.md).
namespace lanrage::cli {

void add_sim_faults(CLI::App& sim, std::function<int()>& command);

/// What there is that can break.
sim_exit sim_list_faults(bool json);

struct shrink_options {
  std::filesystem::path scenario;
  sim::scenario::run_options run;
  std::filesystem::path out;
  std::size_t runs = 2'000; ///< at most
};
/// good: the smallest plan that fails in the same way is written.
sim_exit sim_shrink(const shrink_options& what);

} // namespace lanrage::cli
