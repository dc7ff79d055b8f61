#include "actors/peer/relay_trial.hpp"

#include <algorithm>
#include <cstdio>

namespace lanrage::actors {

namespace {
/// What a trial must promise at least. Ours: half of what 20 % noise makes.
constexpr int trial_gain_percent = 10;
} // namespace

std::string in_ms(std::chrono::nanoseconds rtt) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms",
                std::chrono::duration<double, std::milli>(rtt).count());
  return text;
}

std::optional<msg::relay_choice>
relay_trial_policy::candidate(msg::time_point now, const path& current,
                              std::chrono::nanoseconds measured,
                              const std::vector<msg::relay_choice>& ranking) const {
  if (!current.relay || (not_before_ && now < *not_before_)) return std::nullopt;
  const auto margin = std::max<std::chrono::nanoseconds>(config::defaults::path_gain_least,
                                                         measured * trial_gain_percent / 100);
  for (const auto& relay : ranking)
    if (relay.address != current.where && relay.rtt + margin <= measured) return relay;
  return std::nullopt;
}

void relay_trial_policy::kept(msg::time_point now) {
  // As after a switch that was taken back, until there was no reason for one for long.
  if (last_ && now - *last_ >= config::defaults::path_caution_forgotten) dwell_.reset();
  last_ = now;
  dwell_.next();
  not_before_ = now + dwell_.peek();
}

void relay_trial_policy::reverted(msg::time_point now) {
  last_ = now;
  dwell_.next();
  not_before_ = now + dwell_.peek();
}

} // namespace lanrage::actors
