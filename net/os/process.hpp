#pragma once

#include "net/errc.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace lanrage::net::os {

/// A program to run. There is no shell: `argv[0]` is looked up in PATH (and the sbin folders, which
/// are missing from many PATHs), the rest reaches it as it is.
struct command {
  std::vector<std::string> argv{};
  std::string input{}; ///< its standard input, also as /dev/stdin; kept in memory only
  std::chrono::milliseconds deadline{5'000}; ///< then it and its children are killed
  std::size_t output_max = 1024 * 1024;      ///< octets kept of each output; the rest is dropped
};

struct outcome {
  int exit_code = -1;     ///< 128 + signal when a signal ended it
  std::string output;     ///< standard output
  std::string complaints; ///< standard error
  bool truncated = false; ///< one of them was longer than output_max
  bool ok() const { return exit_code == 0; }
};

/// The full path of a program, if there is one.
std::optional<std::filesystem::path> find_program(std::string_view name);

/// Runs it and waits. Errors: bad_config (no such program), not_permitted, limit_reached,
/// timed_out (killed at its deadline). A non-zero exit code is an outcome, not an error.
result<outcome> run(const command& what);

/// The same without waiting; `done` is called on the io thread, once.
void run(boost::asio::io_context& context, command what, std::function<void(result<outcome>)> done);

/// Starts a program that shall outlive us: in a session of its own, not our child, standard input
/// from /dev/null, both outputs appended to `log` (0600), or to /dev/null when it is empty. None of
/// our descriptors reaches it. Result: its process id. `environment`: "NAME=value", added to ours.
result<int> spawn_detached(const std::vector<std::string>& argv,
                           const std::filesystem::path& log = {},
                           const std::vector<std::string>& environment = {});

} // namespace lanrage::net::os
