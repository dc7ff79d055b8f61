#pragma once

#include <algorithm>
#include <chrono>

namespace lanrage::net {

/// A token bucket kept as one point in time (the generic cell rate algorithm, ITU-T I.371 A):
/// each admission moves the point by its cost, and it may run ahead of now by `burst`.
class gate {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  bool open(time_point now, std::chrono::nanoseconds burst) const { return next_ - now <= burst; }
  void charge(time_point now, std::chrono::nanoseconds cost) {
    next_ = std::max(next_, now) + cost;
  }
  bool admit(time_point now, std::chrono::nanoseconds cost, std::chrono::nanoseconds burst) {
    if (!open(now, burst)) return false;
    charge(now, cost);
    return true;
  }

 private:
  time_point next_{};
};

} // namespace lanrage::net
