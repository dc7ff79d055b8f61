#pragma once

#include "actors/peer/peer_events.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// Tunnel probes that together answer one question. A probe that waited for a WireGuard handshake
/// proves the path but measures the handshake, so a slow first answer is followed by one more
/// probe, whose answer counts.
class probe_series {
 public:
  enum class verdict : std::uint8_t {
    unknown,  ///< not one of ours, or an answer that only repeats what is known
    waiting,  ///< lost or unmeasured, others are out
    empty,    ///< lost or unmeasured, and none is out any more
    proven,   ///< it answers, but too slowly to count: send the next one now
    measured, ///< the answer counts
  };

  /// Answers above `trusted` need a second look.
  explicit probe_series(std::chrono::nanoseconds trusted = std::chrono::nanoseconds::max())
      : trusted_(trusted) {}

  void sent(ticket asked, std::optional<msg::time_point> next_at) {
    out_.push_back(asked);
    last_ = asked;
    next_ = next_at;
  }
  verdict settle(const tunnel_report& report) {
    const auto found = std::find(out_.begin(), out_.end(), report.asked);
    if (found == out_.end()) return verdict::unknown;
    out_.erase(found);
    if (report.outcome != probe_outcome::answered) {
      lost_ = lost_ || report.outcome == probe_outcome::lost;
      return out_.empty() ? verdict::empty : verdict::waiting;
    }
    if (report.rtt <= trusted_) return verdict::measured;
    if (clean_after_ && report.asked > *clean_after_) return verdict::measured;
    if (clean_after_) return verdict::unknown;
    clean_after_ = last_;
    return verdict::proven;
  }

  /// When the next probe is due; none before the first and after the last.
  const std::optional<msg::time_point>& next() const { return next_; }
  void stop() { next_.reset(); }
  std::size_t out() const { return out_.size(); }
  bool any_lost() const { return lost_; } ///< at least one loss was a real one
  bool answered() const { return clean_after_.has_value(); }

 private:
  std::chrono::nanoseconds trusted_;
  std::vector<ticket> out_; // a probe each 200 ms lives at most 1 s: a handful
  ticket last_ = no_ticket;
  std::optional<ticket> clean_after_;
  std::optional<msg::time_point> next_;
  bool lost_ = false;
};

} // namespace lanrage::actors
