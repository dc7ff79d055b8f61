#include "actors/peer/relay_trial.hpp"

namespace lanrage::actors {

std::optional<msg::relay_choice>
relay_trial_policy::candidate(msg::time_point now, const path& current,
                              std::chrono::nanoseconds measured,
                              const std::vector<msg::relay_choice>& ranking) const {
  if (!current.relay || (not_before_ && now < *not_before_)) return std::nullopt;
  for (const auto& relay : ranking)
    if (relay.address != current.where && relay.rtt < measured) return relay;
  return std::nullopt;
}

void relay_trial_policy::kept(msg::time_point now) {
  dwell_.reset();
  not_before_ = now + dwell_.peek();
}

void relay_trial_policy::reverted(msg::time_point now) {
  dwell_.next();
  not_before_ = now + dwell_.peek();
}

} // namespace lanrage::actors
