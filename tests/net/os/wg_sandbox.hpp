#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

/// Runs a test with real WireGuard in namespaces of its own: network, mounts (with an empty /run,
/// as WireGuard's sockets are otherwise shared by all network namespaces) and processes, so that
/// everything it started dies with it.
namespace lanrage::test {

/// Fails the test inside the sandbox, where the test framework's macros do not reach.
inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

/// The value of a result, or a failed test that says why there is none.
template <class Result>
auto value(Result&& result, const std::string& what) {
  if (result.has_error()) throw std::runtime_error(what + ": " + to_string(result.error()));
  return std::forward<Result>(result).value();
}

template <class Result>
void require_done(const Result& result, const std::string& what) {
  if (result.has_error()) throw std::runtime_error(what + ": " + to_string(result.error()));
}

inline std::optional<std::string> why_no_sandbox() {
  if (::geteuid() != 0) return "needs root to make namespaces";
  if (::access("/usr/bin/wg", X_OK) != 0) return "wireguard-tools is not installed";
  if (::access("/dev/net/tun", R_OK | W_OK) != 0) return "/dev/net/tun cannot be opened";
  return std::nullopt;
}

namespace detail {

inline void say(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) ::_exit(2);
}

inline int inside(int report, const std::function<void()>& body) {
  try {
    require(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    require(::mount("proc", "/proc", "proc", 0, nullptr) == 0, "mount /proc");
    require(::mount("tmpfs", "/run", "tmpfs", 0, nullptr) == 0, "mount /run");
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq lo{};
    lo.ifr_name[0] = 'l';
    lo.ifr_name[1] = 'o';
    lo.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    require(::ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "lo up");
    ::close(fd);
    body();
    return 0;
  } catch (const std::exception& failed) {
    say(report, failed.what());
    return 1;
  }
}

} // namespace detail

/// What went wrong inside; empty when all went well.
inline std::string in_sandbox(const std::function<void()>& body) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return "pipe";
  const pid_t outer = ::fork();
  if (outer == 0) {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) != 0) {
      detail::say(report[1], "unshare");
      ::_exit(1);
    }
    const pid_t inner = ::fork();
    if (inner == 0) ::_exit(detail::inside(report[1], body));
    int status = 0;
    ::waitpid(inner, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
  }
  ::close(report[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(report[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(report[0]);
  int status = 0;
  ::waitpid(outer, &status, 0);
  if (text.empty() && status != 0) text = "the sandbox died, status " + std::to_string(status);
  return text;
}

/// Whether the kernel runs this interface: then it has neither socket nor process, and every
/// question to it is a `wg`.
inline bool in_kernel(const std::string& interface) {
  return ::access(("/run/wireguard/" + interface + ".sock").c_str(), F_OK) != 0;
}

/// Looks every 5 ms until it holds; false after `most` looks.
inline bool eventually(const std::function<bool()>& holds, int most = 600) {
  for (int i = 0; i < most; ++i) {
    if (holds()) return true;
    ::poll(nullptr, 0, 5);
  }
  return false;
}

} // namespace lanrage::test

#define LANRAGE_IN_SANDBOX(...)                                                                    \
  do {                                                                                             \
    if (const auto why = lanrage::test::why_no_sandbox()) {                                        \
      std::cout << "SKIPPED: " << *why << std::endl;                                               \
      return;                                                                                      \
    }                                                                                              \
    CHECK(lanrage::test::in_sandbox(__VA_ARGS__) == "");                                           \
  } while (false)
