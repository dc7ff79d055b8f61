#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace lanrage::cli {

struct demo_options {
  bool matrix = false; ///< every pair of NAT types instead of the story
  bool json = false;   ///< one line of JSON at the end; progress goes to standard error
  bool keep = false;   ///< leave the laboratory up until Ctrl-C
  std::chrono::milliseconds one_way_delay{15}; ///< between any two public addresses
  std::filesystem::path binary;                ///< the program to run; empty: this one
  std::filesystem::path logs;                  ///< copy all logs there at the end; empty: do not
};

/// `lanrage demo`: a party of real daemons behind real NATs on this machine, its connections, the
/// death of the relay in use and of a daemon, and then nothing left of it, however it ends.
/// Where no laboratory can be built, the same party in the simulation, and it says so.
/// Exit codes: 0 all went as it should, 1 not; 128 + n interrupted by signal n.
/// Call it while the process has one thread.
int run_demo(const demo_options& options);

/// `lanrage demo --matrix`, once it is known that a laboratory can be built: every pair of NATs.
/// 0: none ended worse than it should. Throws lab::failure.
int run_demo_matrix(const demo_options& options);

/// The same story told by the simulation (sim/scenarios/demo.toml, which is in the program): the
/// same actors on virtual time. `why` says why there is no laboratory. Exit codes: 0, 1.
int run_simulated_demo(const demo_options& options, const std::string& why);

} // namespace lanrage::cli
