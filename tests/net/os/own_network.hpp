#pragma once

#include "net/os/process.hpp"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <functional>
#include <future>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

/// A network of its own for a test: network namespaces belong to threads, so the body runs on a
/// thread that left ours, while we wait. Everything it makes there disappears with it.
namespace lanrage::net::os::test {

inline void link_up(const char* name) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool done = fd >= 0 && ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  ::close(fd);
  if (!done) throw std::runtime_error(std::string{"cannot bring up "} + name);
}

/// Runs a command in this thread's network. For setting a scene only.
inline void sh(const std::string& command) {
  const auto how = run_process({"sh", "-c", command}, {std::chrono::seconds{5}, {}});
  if (!how || how->status != 0)
    throw std::runtime_error("failed: " + command + (how ? ": " + how->err : ""));
}

/// Skips (with the reason) where namespaces are not to be had.
inline void in_own_network(const std::function<void()>& body) {
  std::exception_ptr problem;
  bool skipped = false;
  std::thread{[&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      skipped = true;
      return;
    }
    try {
      link_up("lo");
      body();
    } catch (...) {
      problem = std::current_exception();
    }
  }}.join();
  if (skipped) std::cout << "SKIPPED: needs root to make a network namespace" << std::endl;
  if (problem) std::rethrow_exception(problem);
}

/// A second network beside the thread's own: the other end of a cable.
class other_network {
 public:
  other_network() {
    std::promise<long> made;
    auto thread_id = made.get_future();
    holder_ = std::thread{[this, &made] {
      const bool left = ::unshare(CLONE_NEWNET) == 0;
      made.set_value(left ? ::syscall(SYS_gettid) : -1);
      done_.get_future().wait();
    }};
    path_ = "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(thread_id.get()) +
            "/ns/net";
  }
  other_network(const other_network&) = delete;
  other_network& operator=(const other_network&) = delete;
  ~other_network() {
    done_.set_value();
    holder_.join();
  }
  const std::string& path() const { return path_; }
  void sh(const std::string& command) const {
    test::sh("nsenter --net=" + path_ + " sh -c '" + command + "'");
  }

 private:
  std::promise<void> done_;
  std::thread holder_;
  std::string path_;
};

} // namespace lanrage::net::os::test
