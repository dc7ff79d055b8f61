#pragma once

#include "lab/unique_fd.hpp"

#include <atomic>
#include <chrono>
#include <compare>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

namespace lanrage::lab {

/// What a UDP payload is, told from its first bytes and its length.
enum class payload_class {
  wg_initiation, ///< WireGuard message type 1
  wg_response,   ///< type 2
  wg_cookie,     ///< type 3
  wg_data,       ///< type 4, keepalives included
  stun,          ///< RFC 8489: magic cookie in bytes 4 to 7
  lanrage,       ///< our own frames: 4C 4E 52 01
  other,
};
std::string_view to_string(payload_class c);
payload_class classify(std::span<const std::uint8_t> payload);

/// Packets of one class from one address to another, as seen in one direction.
struct flow {
  std::string source, destination; ///< "203.0.113.101:51820", "[2001:db8::1]:51820"
  payload_class what = payload_class::other;
  bool outgoing = false; ///< left this machine; else it arrived
  auto operator<=>(const flow&) const = default;
};
struct flow_count {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;                           ///< UDP payload
  std::chrono::steady_clock::time_point first, last; ///< when the kernel took it
};
using flows = std::map<flow, flow_count>;

/// Counts the UDP packets of one machine from its construction on, in a thread of its own.
/// Offloaded batches (several packets in one) count as one packet.
class capture {
 public:
  /// All interfaces but the loopback, or just one. Throws failure.
  explicit capture(int net_ns, const std::string& interface = {});
  ~capture();
  capture(const capture&) = delete;
  capture& operator=(const capture&) = delete;

  flows seen() const;
  /// Packets over all flows the predicate accepts.
  std::uint64_t count(const std::function<bool(const flow&)>& wanted) const;
  /// Forgets what was counted so far.
  void clear();
  /// Waits until the predicate holds; false at the deadline.
  bool wait_until(std::chrono::steady_clock::time_point deadline,
                  const std::function<bool(const flows&)>& holds) const;

 private:
  void run();
  void take(std::span<const std::uint8_t> packet, std::chrono::steady_clock::time_point at,
            bool ipv6, bool outgoing);

  unique_fd socket_, wake_;
  int loopback_ = 0;
  mutable std::mutex mutex_; // flows_
  mutable std::condition_variable changed_;
  flows flows_;
  std::thread thread_;
};

} // namespace lanrage::lab
