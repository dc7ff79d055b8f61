#pragma once

#include "sim/faults/coverage.hpp"
#include "sim/faults/draw.hpp"
#include "sim/report/run_record.hpp"
#include "sim/scenario/judge.hpp"
#include "sim/scenario/reader.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::sim::scenario {

/// What may differ from one run of a scenario to another.
struct run_options {
  std::optional<std::uint64_t> seed;              ///< instead of the scenario's
  std::optional<duration> until;                  ///< instead of the scenario's
  std::optional<std::filesystem::path> trace;     ///< instead of every trace it names
  std::function<void(std::string_view)> to_log;   ///< every line, with its line break
  std::optional<faults::plan> plan;               ///< instead of the scenario's faults
  std::optional<std::filesystem::path> plan_file; ///< where that came from
  bool draw_faults = false;                       ///< a plan from the seed, instead of both
  std::optional<std::uint32_t> count;             ///< as the scenario was read with
  bool record = false;    ///< for a report; nothing in the run depends on it
  bool invariants = true; ///< held against them; the same
  /// What a member (its number in the script) says of its connection to another, when it changes.
  std::function<void(duration now, std::uint32_t member, std::uint32_t peer,
                     const msg::connection_view&)>
      to_watch;
};

struct stream_outcome {
  std::string name;
  ping_result got;
  std::optional<duration> median_rtt;
};

struct outcome {
  std::uint64_t seed = 0;
  duration ran{};
  std::uint64_t events = 0; ///< of the world: packets, timers of WireGuard, deeds
  std::uint64_t lines = 0;  ///< of the log
  std::uint64_t log_hash = 0;
  std::uint64_t state_hash = 0; ///< of what every daemon says of itself in the end
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_dropped = 0;
  std::vector<stream_outcome> streams;
  std::vector<missed> violations;
  std::vector<faults::seen_kind> faults; ///< of the plan
  /// Rare ways that the run took, and how often (sim/invariants/sometimes.hpp).
  std::map<std::string, std::uint64_t> seen;
  std::optional<report::run_record> record; ///< when wanted
};

/// What breaks in that run, and all that was drawn for it.
faults::drawn_plan plan_of(const script& what, const run_options& how);

/// What the first violation is about, the same for runs that fail in the same way; empty: none.
std::string first_violation(const outcome& of);

/// The first lines of a log: what the run is and everything that decides what happens in it. They
/// are no part of the log's hash, as they name files.
std::vector<std::string> preamble(const script& what, const std::filesystem::path& file,
                                  const run_options& how);
/// Of a command that runs it with these options, the seed apart.
std::vector<std::string> arguments_of(const run_options& how);
/// The exact command that does it again.
std::string rerun_command(const std::filesystem::path& file, const script& what,
                          const run_options& how);

/// Runs a scenario to its end: the same log and outcome for the same scenario, traces and options,
/// to the byte. Bad input only for what the scenario's text does not show: its traces.
result<outcome> run(const script& what, const std::filesystem::path& file, const run_options& how);

} // namespace lanrage::sim::scenario
