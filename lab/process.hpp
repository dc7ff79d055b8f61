#pragma once

#include "lab/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lanrage::lab {

/// Where a process lives. A descriptor of -1 means: where the caller lives. The descriptors are
/// those of namespace files and stay owned by their laboratory.
struct habitat {
  int pid_ns = -1;
  int net_ns = -1;
  int mount_ns = -1;
};

/// What becomes of an output stream.
struct to_null {};
struct to_pipe {};
/// Appended to; created with mode 0600.
struct to_file {
  std::filesystem::path path;
};
using output = std::variant<to_null, to_pipe, to_file>;

struct process_spec {
  std::vector<std::string> argv;          ///< argv[0] is looked up in PATH, /usr/sbin and /sbin
  std::map<std::string, std::string> env; ///< added to the caller's environment
  std::string input;                      ///< given on standard input, which then ends
  output out = to_pipe{};
  output err = to_pipe{};
};

/// How a process ended.
struct exit_status {
  int code = 0;   ///< exit code; meaningless when signal is set
  int signal = 0; ///< the signal that killed it, or 0
  bool ok() const { return code == 0 && signal == 0; }
};

/// "exit code 1", "killed by signal 9".
std::string to_string(const exit_status& status);

/// One running child in a session of its own, so that Ctrl-C on the terminal reaches the runner
/// only. The destructor kills it with SIGKILL and waits for it. What the child started itself is
/// not touched here: a laboratory ends that with its pid namespace.
class process {
 public:
  using clock = std::chrono::steady_clock;

  process() = default;
  /// Starts; throws failure when the program cannot be executed or a namespace not be entered.
  explicit process(const process_spec& spec, const habitat& where = {});
  process(process&&) noexcept = default;
  process& operator=(process&& other) noexcept;
  ~process();

  /// As the caller sees it, whatever pid namespace the process is in. -1 when never started.
  pid_t pid() const { return pid_; }
  bool running();
  /// Sends a signal; nothing when it ended already.
  void signal(int number);
  /// Waits until it ended; nullopt when it still runs at the deadline.
  std::optional<exit_status> wait_until(clock::time_point deadline);
  std::optional<exit_status> wait_for(std::chrono::milliseconds time) {
    return wait_until(clock::now() + time);
  }
  /// SIGTERM, then after `grace` SIGKILL; waits for the end.
  exit_status stop(std::chrono::milliseconds grace);

  /// Next line from a piped standard output without its newline; nullopt at its end or at the
  /// deadline. Lines longer than 1 MiB are cut there.
  std::optional<std::string> read_line(clock::time_point deadline);

 private:
  friend struct command_reader;
  void kill_now();

  pid_t pid_ = -1;
  unique_fd pidfd_;
  unique_fd out_, err_;
  std::string buffered_;
  std::optional<exit_status> ended_;
};

/// What a finished command said.
struct command_result {
  exit_status status;
  std::string out;
  std::string err;
  bool timed_out = false; ///< it was killed at the deadline
  bool ok() const { return status.ok() && !timed_out; }
};

/// Runs a program to its end, within `limit`, and captures both its outputs (at most 16 MiB each).
command_result run_command(const process_spec& spec, const habitat& where = {},
                           std::chrono::milliseconds limit = std::chrono::seconds{10});
command_result run_command(std::vector<std::string> argv, const habitat& where = {},
                           std::chrono::milliseconds limit = std::chrono::seconds{10});

/// As run_command, but anything else than exit code 0 is a failure that quotes the program.
/// Returns its standard output.
std::string must_run(const process_spec& spec, const habitat& where = {},
                     std::chrono::milliseconds limit = std::chrono::seconds{10});

/// Absolute path of a program: as given when it has a slash, else from PATH, /usr/sbin and /sbin.
std::optional<std::filesystem::path> find_program(const std::string& name);

} // namespace lanrage::lab
