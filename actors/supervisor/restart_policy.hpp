#pragma once

#include "actors/backoff.hpp"
#include "config/defaults.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace lanrage::actors {

/// How often a crashed actor may come back.
struct restart_budget {
  std::chrono::milliseconds first = config::defaults::restart_backoff_first;
  std::chrono::milliseconds max = config::defaults::restart_backoff_max;
  int per_window = config::defaults::restarts_per_window;
  std::chrono::seconds window = config::defaults::restart_window;
  /// Alive that long: the next crash starts with the first wait again.
  std::chrono::seconds healthy_after = config::defaults::restart_window;
};

/// Decides about one supervised actor: restart after a wait, or give up. Knows no CAF and no clock.
class restart_policy {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit restart_policy(restart_budget budget = {})
      : budget_(budget), wait_(budget.first, budget.max) {}

  void started(time_point now) { started_ = now; }
  /// The wait before the restart; none: more than `per_window` deaths within `window`.
  std::optional<std::chrono::milliseconds> died(time_point now) {
    if (started_ && now - *started_ >= budget_.healthy_after) wait_.reset();
    deaths_.push_back(now);
    std::erase_if(deaths_, [&](const auto& when) { return now - when > budget_.window; });
    if (deaths_.size() > static_cast<std::size_t>(budget_.per_window)) return std::nullopt;
    return wait_.next();
  }

 private:
  restart_budget budget_;
  backoff wait_;
  std::optional<time_point> started_;
  std::vector<time_point> deaths_; // at most per_window + 1
};

} // namespace lanrage::actors
