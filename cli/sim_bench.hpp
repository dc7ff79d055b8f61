#pragma once

#include "sim/bench/crowd.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

/// `lanrage sim bench`: how fast the simulation is. What is measured: docs/benchmarks.md.
namespace lanrage::cli {

/// One world and how long it runs.
struct bench_case {
  std::string name;
  sim::crowd_settings crowd;
  std::chrono::seconds span{};
  /// The time until everybody is connected counts, too, and is part of `span`.
  bool from_start = false;
  /// Not a crowd: one daemon, and so many members of its parties who are away.
  std::uint32_t absent = 0;
};

struct bench_figures {
  sim::crowd_counts counts; ///< at the end; `round_trips` are those of the measured span
  std::uint64_t members = 0;
  std::uint64_t events = 0;
  double virtual_s = 0;
  double cpu_s = 0;           ///< processor time of this process, user and system
  double setup_cpu_s = 0;     ///< until everybody is connected; not in cpu_s
  std::uint64_t resident = 0; ///< octets that became resident from before the world was made
  std::uint64_t log_hash = 0;

  double per_cpu_s(std::uint64_t count) const {
    return cpu_s > 0 ? static_cast<double>(count) / cpu_s : 0;
  }
};

/// Runs it in this process. Throws std::runtime_error when its members do not meet. Of absent
/// members only the daemon that knows them counts, and its set-up is its start.
bench_figures measure(const bench_case& what);

struct bench_options {
  bool json = false;
  bool large = false;            ///< also what takes an hour and gigabytes
  std::optional<bench_case> own; ///< only this one
};
/// The cases that are run without an own one. The first is the setting of round_trips_per_cpu_s.
std::vector<bench_case> bench_cases(bool large);
boost::json::object to_json(const bench_case& what, const bench_figures& got);
int sim_bench(const bench_options& what);

/// Adds the subcommand `bench` to `sim`. Parsing it sets `command`.
void add_sim_bench(CLI::App& sim, std::function<int()>& command);

} // namespace lanrage::cli
