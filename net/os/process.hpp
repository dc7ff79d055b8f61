#pragma once

#include "net/errc.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace lanrage::net::os {

struct process_options {
  std::chrono::milliseconds deadline{2000};
  /// "NAME=value"; nothing else is inherited but PATH.
  std::vector<std::string> environment;
};

struct process_output {
  int status = 0;  ///< exit status; 128 + signal when a signal ended it
  std::string out; ///< at most process_output_max octets, the rest is dropped
  std::string err;
};

inline constexpr std::size_t process_output_max = 16 * 1024 * 1024;

/// Runs a program without a shell and waits for it: argv[0] is looked up in PATH, standard input is
/// /dev/null, no descriptor of ours is inherited, no signal is blocked or ignored. It has a session
/// of its own, so what it leaves running is out of reach of our terminal and is not waited for.
/// Blocks for at most the deadline, then kills it and what it started.
/// Errors: wg_unavailable when the program is not there (all we run are WireGuard's tools),
/// timed_out, not_permitted, limit_reached.
result<process_output> run_process(const std::vector<std::string>& argv,
                                   const process_options& options = {});

} // namespace lanrage::net::os
