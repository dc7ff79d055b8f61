#pragma once

#include "config/defaults.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>

namespace lanrage::actors {

/// The last few round trips to a relay. Their median is what a packet meets; a single late answer
/// does not move it, a changed route does within half a window.
class rtt_window {
 public:
  void add(std::chrono::nanoseconds sample) {
    samples_.push_back(sample);
    if (samples_.size() > config::defaults::relay_rtt_samples) samples_.pop_front();
  }
  void clear() { samples_.clear(); }
  bool empty() const { return samples_.empty(); }

  /// The lower one of two in the middle.
  std::optional<std::chrono::microseconds> median() const {
    if (samples_.empty()) return std::nullopt;
    auto order = samples_;
    std::sort(order.begin(), order.end());
    return std::chrono::duration_cast<std::chrono::microseconds>(order[(order.size() - 1) / 2]);
  }
  std::optional<std::chrono::microseconds> minimum() const {
    if (samples_.empty()) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::microseconds>(
        *std::min_element(samples_.begin(), samples_.end()));
  }

 private:
  std::deque<std::chrono::nanoseconds> samples_;
};

} // namespace lanrage::actors
