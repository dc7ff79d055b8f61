#include "net/os/process.hpp"

#include "net/os/descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace lanrage::net::os {

namespace {

using clock = std::chrono::steady_clock;

struct pipe_ends {
  descriptor read;
  descriptor write;
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    // Only our end: programs do not expect a standard output that would block.
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
  }
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words)
    out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Takes what is there now; false once the other end is closed.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  for (;;) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    const auto room = process_output_max - into.size();
    into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    // Secrets pass through here (`wg show dump`): leave no copy on the stack.
    ::explicit_bzero(buffer.data(), static_cast<std::size_t>(got));
  }
}

int spawn(pid_t& pid, const std::vector<std::string>& argv, const process_options& options, int out,
          int err) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

  auto environment = options.environment;
  const char* path = std::getenv("PATH");
  environment.push_back(std::string{"PATH="} +
                        (path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"));
  const auto code = ::posix_spawnp(&pid, argv.front().c_str(), &actions, &attributes,
                                   pointers(argv).data(), pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return code;
}

/// Collects output until the process ends; false at the deadline. Only its end counts, not that of
/// its output: what it started may hold the pipes open for ever.
bool wait_for_end(int process, pipe_ends& out, pipe_ends& err, process_output& result,
                  clock::time_point deadline) {
  std::array<pollfd, 3> watched{
      {{process, POLLIN, 0}, {out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left < 0) return false;
    // One more: a wait that ends a moment early would spin.
    if (::poll(watched.data(), watched.size(), static_cast<int>(left) + 1) < 0 && errno != EINTR)
      return false;
    if (watched[1].revents && !drain(out.read.get(), result.out)) watched[1].fd = -1;
    if (watched[2].revents && !drain(err.read.get(), result.err)) watched[2].fd = -1;
    if (watched[0].revents) return true;
  }
}

} // namespace

result<process_output> run_process(const std::vector<std::string>& argv,
                                   const process_options& options) {
  pipe_ends out;
  pipe_ends err;
  if (!out.open() || !err.open()) return last_error("pipe");
  pid_t pid = -1;
  if (const auto code = spawn(pid, argv, options, out.write.get(), err.write.get()); code != 0) {
    auto failed = system_error(code, argv.front());
    if (code == ENOENT) failed.code = errc::wg_unavailable;
    return failed;
  }
  out.write.reset();
  err.write.reset();

  process_output result;
  const descriptor process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  const bool ended =
      process && wait_for_end(process.get(), out, err, result, clock::now() + options.deadline);
  if (!ended) ::kill(-pid, SIGKILL); // the session's first process leads its group
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return fail(errc::timed_out, argv.front() + ": no end within its deadline");
  drain(out.read.get(), result.out);
  drain(err.read.get(), result.err);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

} // namespace lanrage::net::os
