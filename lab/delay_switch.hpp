#pragma once

#include "lab/unique_fd.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lanrage::lab {

/// How one port of the switch behaves. A frame from port A to port B is delayed by A.delay +
/// B.delay, so the one-way delay between two hosts is the sum of their access delays: 7.5 ms on
/// every port is 15 ms from host to host and 30 ms there and back.
struct port_settings {
  std::chrono::microseconds delay{0};
  /// Uniform in [-jitter, +jitter] around the delay, drawn per frame; may reorder.
  std::chrono::microseconds jitter{0};
  double loss = 0;      ///< share of frames lost at this port, each way, 0..1
  bool blocked = false; ///< nothing in or out, frames already on their way included
};

struct switch_counters {
  std::uint64_t received = 0, sent = 0;
  std::uint64_t lost = 0;                     ///< by the loss setting
  std::uint64_t blocked = 0;                  ///< by a blocked port
  std::uint64_t dropped = 0;                  ///< because a buffer was full
  std::chrono::nanoseconds worst_lateness{0}; ///< longest a frame left after its due time
};

/// A learning Ethernet switch in user space whose ports have delay, jitter and loss, since the
/// kernel may have no netem. Works on existing interfaces (one per port, up, without addresses)
/// through AF_PACKET with PACKET_VNET_HDR, so checksum and segmentation offload pass through.
/// Delays count from the kernel's receive timestamp. IPv4, ARP, IPv6 and broadcast all pass.
class delay_switch {
 public:
  struct options {
    /// SCHED_FIFO where permitted: halves the tail of the timing error.
    bool realtime = true;
    std::uint64_t seed = 1; ///< of jitter and loss
  };

  /// Opens the interfaces in the calling thread's network namespace. Throws failure.
  delay_switch(std::vector<std::string> interfaces, options o);
  explicit delay_switch(std::vector<std::string> interfaces)
      : delay_switch(std::move(interfaces), options{}) {}
  ~delay_switch();
  delay_switch(const delay_switch&) = delete;
  delay_switch& operator=(const delay_switch&) = delete;

  /// Runs until stop() in the calling thread.
  void run();
  /// Runs in a thread of its own until stop() or destruction.
  void start();
  /// From any thread; also async-signal-safe.
  void stop() noexcept;

  /// Port numbers are positions in the constructor's list. Settings hold for frames that arrive
  /// after set() returned. Throws failure for an unknown interface.
  std::size_t port(const std::string& interface) const;
  void set(std::size_t port, const port_settings& settings);
  port_settings settings(std::size_t port) const;
  /// What frames between these two ports meet on top of both ports' own settings, both ways.
  void set_between(std::size_t a, std::size_t b, const port_settings& more);
  switch_counters counters() const;
  const std::vector<std::string>& interfaces() const { return interfaces_; }

 private:
  struct engine;
  using port_pair = std::pair<std::size_t, std::size_t>; ///< the smaller one first
  static port_pair pair_of(std::size_t a, std::size_t b) { return std::minmax(a, b); }
  void published(std::unique_lock<std::mutex>& held);

  std::vector<std::string> interfaces_;
  options options_;
  unique_fd wake_;
  mutable std::mutex mutex_; // everything down to running_
  std::condition_variable changed_;
  std::uint64_t wanted_ = 0, applied_ = 0; // number of changes, made and in force
  bool running_ = false;
  std::vector<port_settings> settings_;
  std::map<port_pair, port_settings> between_;
  switch_counters counters_;
  std::unique_ptr<engine> engine_;
  std::thread thread_;
};

} // namespace lanrage::lab
