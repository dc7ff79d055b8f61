#pragma once

#include "actors/backoff.hpp"
#include "actors/peer/peer_states.hpp"
#include "config/defaults.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// When a degraded relayed connection tries another relay, and whether it stays there. The final
/// comparison is the spec's (any improvement above 0 ms is kept); dwell and penalty are ours, so
/// that noise does not flap.
class relay_trial_policy {
 public:
  /// The relay to try now: the best ranked one other than the current whose legs promise clearly
  /// less than what was measured.
  std::optional<msg::relay_choice> candidate(msg::time_point now, const path& current,
                                             std::chrono::nanoseconds measured,
                                             const std::vector<msg::relay_choice>& ranking) const;
  /// Strictly better, or the old one is restored.
  static bool better(std::chrono::nanoseconds old_rtt, std::chrono::nanoseconds new_rtt) {
    return new_rtt < old_rtt;
  }
  /// Whatever becomes of it, the next one waits twice as long.
  void begun(msg::time_point now);

 private:
  backoff dwell_{config::defaults::trial_dwell, config::defaults::trial_dwell_max};
  std::optional<msg::time_point> not_before_;
};

} // namespace lanrage::actors
