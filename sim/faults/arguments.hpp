#pragma once

#include "sim/faults/kinds.hpp"

/// How the table's rows say their arguments. Only for the table.
namespace lanrage::sim::faults {

using namespace std::chrono_literals;

inline constexpr std::int64_t percent = 10'000; ///< in parts per million

inline argument time_of(const char* name, duration least, duration most, duration usual,
                        duration draw_least, duration draw_most, const char* about) {
  return {name,          measure::time,      least.count(),     most.count(),
          usual.count(), draw_least.count(), draw_most.count(), about};
}
inline argument share_of(const char* name, std::int64_t usual, std::int64_t draw_most,
                         const char* about) {
  return {name, measure::share, 0, 100 * percent, usual * percent, 0, draw_most * percent, about};
}
inline argument count_of(const char* name, std::int64_t least, std::int64_t most,
                         std::int64_t usual, std::int64_t draw_least, std::int64_t draw_most,
                         const char* about) {
  return {name, measure::count, least, most, usual, draw_least, draw_most, about};
}
inline argument flag_of(const char* name, bool usual, const char* about) {
  return {name, measure::flag, 0, 1, usual ? 1 : 0, 0, 1, about};
}
/// `words`: with | between them; the first one is usual.
inline argument word_of(const char* name, const char* words) {
  std::int64_t last = 0;
  for (const char* at = words; *at != '\0'; ++at)
    if (*at == '|') ++last;
  return {name, measure::word, 0, last, 0, 0, last, words};
}
/// Of links: which way, seen from `on`.
inline argument way() {
  return word_of("way", "both|out|in");
}

} // namespace lanrage::sim::faults
