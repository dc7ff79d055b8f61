#pragma once

#include <chrono>
#include <cstdint>

/// The units of the virtual world. Everything is an integer number of nanoseconds.
namespace lanrage::sim {

/// The actors' clock; the world starts near its epoch.
using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

inline constexpr time_point never = time_point::max();

/// Nanoseconds since the world's beginning, for logs and streams of events.
inline std::int64_t ticks(time_point at) {
  return std::chrono::duration_cast<duration>(at.time_since_epoch()).count();
}

} // namespace lanrage::sim
