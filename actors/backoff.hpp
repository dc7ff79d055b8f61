#pragma once

#include <algorithm>
#include <chrono>

namespace lanrage::actors {

/// Waits that double from `first` to `max`: the one retry rhythm of all actors. Knows no clock and
/// draws no jitter; who needs that adds it.
class backoff {
 public:
  using duration = std::chrono::milliseconds;

  constexpr backoff(duration first, duration max) : first_(first), max_(max), at_(first) {}

  /// The wait before the next attempt; the one after that is twice as long.
  constexpr duration next() {
    const auto wait = at_;
    at_ = at_ > max_ / 2 ? max_ : at_ * 2;
    return wait;
  }
  constexpr duration peek() const { return at_; }
  /// It worked, or there is a reason to hope: start from `first` again.
  constexpr void reset() { at_ = first_; }

 private:
  duration first_;
  duration max_;
  duration at_;
};

} // namespace lanrage::actors
