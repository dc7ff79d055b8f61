#include "lab/guard.hpp"

#include "lab/estate.hpp"
#include "lab/failure.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>

namespace lanrage::lab {

namespace {

using namespace std::chrono_literals;

/// How long a child that was asked to end may take, before it is killed.
constexpr auto grace = 10s;
constexpr int shell_signal_base = 128;

volatile std::sig_atomic_t signal_seen = 0;

[[noreturn]] void run_child(const std::function<int()>& body) {
  // Should the guard itself be killed, the laboratory's janitor cleans up after this process.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGTERM, SIG_DFL);
  int code = 1;
  try {
    code = body();
  } catch (const std::exception& e) {
    std::cout.flush();
    std::cerr << "lanrage: " << e.what() << std::endl;
  }
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(code);
}

/// Waits for the child to end; asks it to when a signal comes.
int wait_for_child(pid_t child) {
  bool asked = false;
  auto deadline = std::chrono::steady_clock::time_point::max();
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      if (WIFEXITED(status)) return WEXITSTATUS(status);
      if (signal_seen != 0) return shell_signal_base + int(signal_seen);
      std::cerr << "lanrage: the laboratory's runner was killed by signal " << WTERMSIG(status)
                << std::endl;
      return 1;
    }
    if (signal_seen != 0 && !asked) {
      asked = true;
      deadline = std::chrono::steady_clock::now() + grace;
      ::kill(child, SIGTERM);
    }
    if (std::chrono::steady_clock::now() > deadline) ::kill(child, SIGKILL);
    ::poll(nullptr, 0, 20); // a signal ends the pause early
  }
}

/// The laboratories' janitors and whatever else outlived the child, which are ours now: while one
/// lives, what it inherited keeps a laboratory locked, and a janitor may still be at work.
void wait_for_orphans() {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  for (;;) {
    const auto ended = ::waitpid(-1, nullptr, WNOHANG);
    if (ended < 0 && errno == ECHILD) return;
    if (ended > 0) continue;
    if (std::chrono::steady_clock::now() > deadline) return;
    ::poll(nullptr, 0, 5);
  }
}

} // namespace

int run_guarded(const std::function<int()>& body) {
  struct sigaction before[3], note{};
  note.sa_handler = [](int number) { signal_seen = number; };
  const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  signal_seen = 0;
  for (int i = 0; i < 3; ++i)
    ::sigaction(numbers[i], &note, &before[i]);
  std::cout.flush();
  std::fflush(nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t child = ::fork();
  if (child == 0) run_child(body);
  if (child < 0) throw_errno("start the laboratory's runner");
  const int code = wait_for_child(child);
  wait_for_orphans();
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  sweep_stale();
  for (int i = 0; i < 3; ++i)
    ::sigaction(numbers[i], &before[i], nullptr);
  return code;
}

void wait_for_the_end() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  int number = 0;
  ::sigwait(&wanted, &number);
}

} // namespace lanrage::lab
