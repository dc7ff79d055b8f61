#include "actors/peer/relay_trial.hpp"

#include "config/path_defaults.hpp"

#include <algorithm>

namespace lanrage::actors {

std::optional<msg::relay_choice>
relay_trial_policy::candidate(msg::time_point now, const path& current,
                              std::chrono::nanoseconds measured,
                              const std::vector<msg::relay_choice>& ranking) const {
  if (!current.relay || (not_before_ && now < *not_before_)) return std::nullopt;
  const auto margin = std::max<std::chrono::nanoseconds>(
      config::defaults::path_gain_least, measured * config::defaults::trial_gain_percent / 100);
  for (const auto& relay : ranking)
    if (relay.address != current.where && relay.rtt + margin <= measured) return relay;
  return std::nullopt;
}

void relay_trial_policy::begun(msg::time_point now) {
  if (not_before_ && now - *not_before_ >= config::defaults::path_caution_forgotten) dwell_.reset();
  not_before_ = now + dwell_.next();
}

} // namespace lanrage::actors
