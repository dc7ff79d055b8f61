#pragma once

#include "sim/scenario/runner.hpp"
#include "sim/sweep/sweep.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace CLI {
class App;
}

/// `lanrage sim ...`: scenarios on virtual time. File format and commands: docs/simulation.md.
namespace lanrage::cli {

/// Adds the subcommand `sim`. Parsing it sets `command`.
void add_sim(CLI::App& app, std::function<int()>& command);

/// What `lanrage sim` ends with (docs/interfaces.md); the worst one counts.
enum class sim_exit : int {
  good = 0,
  failed = 1, ///< the system's failure: a log that cannot be written
  bad_input = 2,
  safety = 10,
  liveness = 11,
  not_deterministic = 12,
  crashed = 13,
};
constexpr int to_int(sim_exit code) {
  return static_cast<int>(code);
}

struct sim_options {
  std::filesystem::path scenario;
  sim::scenario::run_options run;
  std::optional<std::filesystem::path> log;        ///< "-": standard output, and nothing else there
  std::optional<std::filesystem::path> report;     ///< an HTML page about the run
  std::optional<std::filesystem::path> write_plan; ///< what broke, as a plan
  bool json = false;
};
sim_exit sim_run(const sim_options& what);
sim_exit sim_check(const sim_options& what);

struct golden_options {
  std::vector<std::filesystem::path> scenarios;
  bool update = false;
};
sim_exit sim_golden(const golden_options& what);

struct sweep_options {
  std::filesystem::path scenario;
  sim::scenario::run_options run; ///< its seed is not used
  sim::sweep::seed_range seeds;
  sim::sweep::shard part;
  std::optional<std::size_t> jobs; ///< processes at once; absent: one per core
  static constexpr std::size_t jobs_max = 1'024;
  std::chrono::nanoseconds timeout = std::chrono::minutes{30}; ///< of a seed, in real time
  std::optional<std::filesystem::path> out;                    ///< results as JSON lines
  bool json = false;                                           ///< the same on standard output
  bool require_all = false; ///< a kind of fault that never fired is a failure
  bool all_seen = false;    ///< a rare way that no seed took is a failure
};
sim_exit sim_sweep(const sweep_options& what);

struct merge_options {
  std::vector<std::filesystem::path> files;
  std::optional<std::filesystem::path> out;
  bool json = false;
  bool require_all = false;
  bool all_seen = false;
};
sim_exit sim_merge(const merge_options& what);

/// The scenario, read as the options want it, and the plan that they name, which is put there.
sim::scenario::result<sim::scenario::script> load_scenario(const std::filesystem::path& file,
                                                           sim::scenario::run_options& how);
/// A file that is there whole or not at all; false, and a line to standard error, if it cannot be.
bool save_text(const std::filesystem::path& where, const std::string& text);

/// For all of them: bad input to standard error.
sim_exit report(const sim::scenario::bad_input& what, bool json);
sim_exit exit_of(const sim::scenario::outcome& got);
/// One line per expectation that was not met, to standard error.
void print_missed(const sim_options& what, const sim::scenario::outcome& got);

} // namespace lanrage::cli
