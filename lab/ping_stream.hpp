#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace lanrage::lab {

/// One echo request. Without a round trip time it is lost, or not answered yet.
struct ping_record {
  std::chrono::steady_clock::time_point sent;
  std::optional<std::chrono::nanoseconds> rtt;
};

using ping_time = std::chrono::steady_clock::time_point;

/// Requests sent in [from, to) that were not answered.
std::size_t lost_between(std::span<const ping_record> records, ping_time from, ping_time to);

/// Time from `event` to the sending of the first answered request that no lost one follows. 0 when
/// none sent from `event` on was lost; nullopt when the last one was, or when none was sent.
std::optional<std::chrono::nanoseconds> outage_after(std::span<const ping_record> records,
                                                     ping_time event);

/// Middle of the answered requests' round trip times sent in [from, to); nullopt without any.
std::optional<std::chrono::nanoseconds> median_rtt(std::span<const ping_record> records,
                                                   ping_time from = ping_time::min(),
                                                   ping_time to = ping_time::max());

/// Sends ICMP echo requests at a fixed rate from a network namespace, in a thread of its own, and
/// keeps a record of each. Round trip times count to the kernel's receive timestamp. A request the
/// kernel refuses to send (no route yet) counts as unanswered.
class ping_stream {
 public:
  /// `to` is an IPv4 or IPv6 address. Throws failure.
  ping_stream(int net_ns, const std::string& to, std::chrono::microseconds interval);
  ~ping_stream();
  ping_stream(const ping_stream&) = delete;
  ping_stream& operator=(const ping_stream&) = delete;

  /// Stops sending, then waits for outstanding answers: until all are in, or `patience` passed
  /// since the last request. Returns all records, in the order of sending.
  std::vector<ping_record> finish(std::chrono::milliseconds patience = std::chrono::seconds{1});
  /// What is known now; the newest may yet be answered.
  std::vector<ping_record> records() const;
  /// Waits until a request sent at or after `from` was answered; returns when that answer was
  /// there, or nullopt at the deadline.
  std::optional<ping_time> wait_answer(ping_time from, ping_time deadline) const;

 private:
  struct wire;
  void open(int net_ns, const std::string& to);
  void run();

  std::chrono::microseconds interval_;
  std::unique_ptr<wire> wire_;
  mutable std::mutex mutex_; // records_
  mutable std::condition_variable answered_;
  std::vector<ping_record> records_;
  std::atomic<bool> sending_{true}, stopping_{false};
  std::thread thread_;
};

} // namespace lanrage::lab
