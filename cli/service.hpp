#pragma once

#include "net/relay/server.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <string_view>
#include <thread>

/// What `serve`, `relay` and `control` have in common: what they say, and how they end.
namespace lanrage::cli {

/// The signals a service answers, for as long as this lives. To be made before any other thread, so
/// that all of them leave the signals to the one that waits.
class service_signals {
 public:
  service_signals();
  ~service_signals();
  service_signals(const service_signals&) = delete;
  service_signals& operator=(const service_signals&) = delete;

  /// Until SIGTERM or SIGINT comes, or `ended` says that the service ended by itself, which it is
  /// asked five times a second. SIGUSR1 calls `report`; SIGHUP changes nothing and says so.
  void wait(const std::function<void()>& report, const std::function<bool()>& ended) const;

 private:
  sigset_t ours_;
  sigset_t before_;
};

/// A relay on a thread of its own, from construction to destruction.
class running_relay {
 public:
  explicit running_relay(net::relay::server& relay);
  ~running_relay();
  running_relay(const running_relay&) = delete;
  running_relay& operator=(const running_relay&) = delete;

  /// By itself, that is by a defect, which is in the log.
  bool ended() const { return ended_; }

 private:
  net::relay::server& relay_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/// Standard output is for the one line that scripts wait for; the rest is for people.
void print_ready(std::string_view line, std::string_view for_people);

} // namespace lanrage::cli
