#pragma once

#include "cli/failure.hpp"
#include "sim/policy/laboratory.hpp"
#include "sim/trace/import.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace CLI {
class App;
}

namespace lanrage::cli {

/// `lanrage sim policy`: what choosing relays by this or that rule costs on a recording.
struct policy_options {
  std::vector<std::filesystem::path> files;
  std::optional<sim::trace::unit> rtt_unit;
  std::optional<std::chrono::nanoseconds> interval;
  sim::trace::quantity quantity = sim::trace::quantity::rtt;
  sim::policy::laboratory_options how;
  bool split = false;
  bool json = false;
};
exit_code sim_policy(const policy_options& what);

/// Adds the subcommand `policy` to `sim`.
void add_sim_policy(CLI::App& sim, std::function<int()>& command);

} // namespace lanrage::cli
