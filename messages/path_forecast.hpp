#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace lanrage::msg {

/// What a path, or a part of one, is expected to be like at the next packet. Parts in a row add up.
/// Delays are round trips.
struct path_forecast {
  std::chrono::microseconds expected{}; ///< the last measurement and the usual one, mixed
  std::chrono::microseconds usual{};  ///< mean of the last few dozen measurements, losses included
  std::chrono::microseconds jitter{}; ///< mean difference of two measurements in a row
  std::uint16_t loss_permille = 0;
  std::uint16_t samples = 0; ///< 0: never measured, and nothing above means anything

  friend path_forecast operator+(const path_forecast& a, const path_forecast& b) {
    const auto both = 1'000 - (1'000 - a.loss_permille) * (1'000 - b.loss_permille) / 1'000;
    return {a.expected + b.expected, a.usual + b.usual, a.jitter + b.jitter,
            static_cast<std::uint16_t>(both), std::min(a.samples, b.samples)};
  }
  friend bool operator==(const path_forecast&, const path_forecast&) = default;
};

} // namespace lanrage::msg
