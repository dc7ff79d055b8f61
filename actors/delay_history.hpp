#pragma once

#include "config/path_defaults.hpp"
#include "messages/path_forecast.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace lanrage::actors {

/// How long delays hold before they change, counted over many paths: of those that held for n
/// measurements, how many held for one more. Where they are noise, the last one tells little;
/// where they come in levels, it tells all but at the end of a level.
class delay_persistence {
 public:
  void saw(unsigned age, bool changed);
  /// Of a delay that was measured the same `age` times (from 1): how likely is it still the same?
  unsigned permille(unsigned age) const;

 private:
  struct count {
    std::uint32_t seen = 0;
    std::uint32_t changed = 0;
  };
  std::array<count, config::defaults::path_ages> ages_{};
};

/// What was measured of one path or one leg of it, in five words. Measurements are expected at
/// even distances. Pure; whole numbers only.
class delay_history {
 public:
  using microseconds = std::chrono::microseconds;

  void answered(microseconds rtt, delay_persistence& learns);
  void lost(delay_persistence& learns);
  msg::path_forecast forecast(const delay_persistence& known) const;
  microseconds last() const { return last_; }
  bool empty() const { return samples_ == 0; }

 private:
  void add(microseconds rtt, bool lost, delay_persistence& learns);

  microseconds last_{};
  microseconds usual_{};
  microseconds jitter_{};
  std::int32_t loss_ppm_ = 0;
  std::uint16_t samples_ = 0;
  std::uint8_t age_ = 0; ///< measurements in a row that were the same as the last
};

} // namespace lanrage::actors
