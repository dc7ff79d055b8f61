#pragma once

#include "config/defaults.hpp"
#include "messages/values.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace lanrage::actors {

/// Whether a peer still answers, from WireGuard's counters alone: nothing is sent to find out. Data
/// that leaves while nothing comes back is suspicious after what this pair is used to waiting for
/// an answer, smoothed as TCP does its retransmission timeout (RFC 6298). One-way traffic is
/// answered by WireGuard's keepalive within 10 s, so it only makes us patient. Pure.
class liveness {
 public:
  using time_point = msg::time_point;

  /// Counters as WireGuard has them now; `handshake`: it shook hands since the last look.
  void look(std::uint64_t rx, std::uint64_t tx, time_point now, bool handshake = false);
  /// Whether data moves again and again, never traffic_for apart. A health check is no traffic.
  bool carries(time_point now) const;
  /// Another path: what we waited for is no sign of anything.
  void settle() {
    waiting_since_.reset();
    checked_.reset();
  }
  /// A probe came back, so what is waited for took at least as long as this: next time be patient.
  void alive(time_point now);

  /// When it becomes suspicious that nothing comes back; none: nothing is waited for.
  std::optional<time_point> suspicious_at() const;
  std::chrono::nanoseconds patience() const;

  /// The last look that saw a health check go through the tunnel, there and back: ours, or the
  /// peer's, which our kernel answers. None: other data moved since or shortly before, which proves
  /// less.
  const std::optional<time_point>& checked() const { return checked_; }
  /// How many exchanges of a check's size looks have seen.
  std::uint32_t checks() const { return checks_; }

 private:
  void waited(std::chrono::nanoseconds time);
  void look_for_check(std::uint64_t heard, std::uint64_t sent, time_point now, bool handshake);

  bool known_ = false;
  std::uint64_t rx_ = 0;
  std::uint64_t tx_ = 0;
  std::optional<time_point> looked_;
  std::optional<time_point> moved_; ///< data, either way
  int moves_ = 0;                   ///< looks that saw some, never traffic_for apart
  std::optional<time_point> waiting_since_;
  std::optional<time_point> checked_;
  std::uint32_t checks_ = 0;
  std::optional<std::chrono::nanoseconds> usual_; ///< smoothed wait for an answer
  std::chrono::nanoseconds spread_{};             ///< its smoothed deviation
};

} // namespace lanrage::actors
