#pragma once

#include "lab/party.hpp"
#include "lab/ping_stream.hpp"
#include "sim/faults/plan.hpp"
#include "sim/scenario/script.hpp"
#include "tests/soak/soak_plan.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::soak {

/// What one process holds.
struct held {
  std::size_t resident_kib = 0;
  std::size_t descriptors = 0;
};

struct soak_result {
  std::string prefix; ///< of the names of its network namespaces, which are gone now
  std::size_t sent = 0;
  std::size_t lost = 0;
  std::vector<std::string> unexplained; ///< a line for each loss that no fault excuses
  std::vector<std::string> wrong;       ///< what else should not be, a line each
  std::map<std::string, std::pair<held, held>> resources; ///< by program: before and after
  bool ok() const { return unexplained.empty() && wrong.empty(); }
};

using member_pair = std::pair<std::string, std::string>;
/// Whether a loss is excused: sent from `of.first` to `of.second` at `at`, counted as the excuses
/// are. `direct`: the pairs that were direct when each excuse began.
bool excused(const member_pair& of, sim::duration at, const std::vector<excuse>& all,
             const std::vector<std::set<member_pair>>& direct);

struct soak_options {
  std::filesystem::path binary; ///< the `lanrage` to run
  sim::scenario::script cast;   ///< members each behind a box of its own, relays
  sim::faults::plan plan;
  std::filesystem::path logs; ///< where logs go when something is wrong; empty: nowhere
  /// Told of each step in one sentence.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

/// Forms the scenario's party of real processes, sends pings between all members while the plan is
/// played, and judges: every loss has a fault that excuses it, everybody is connected in the end,
/// no process died by itself or holds more than before. Throws lab::failure where the laboratory
/// itself does not work.
soak_result run_soak(const soak_options& how);

} // namespace lanrage::soak
