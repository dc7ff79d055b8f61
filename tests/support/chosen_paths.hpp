#pragma once

#include "actors/delay_history.hpp"
#include "actors/path_choice.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace lanrage::test {

/// A pair with paths that are measured in rounds and decided upon after each, as the daemon does.
class chosen_paths {
 public:
  using microseconds = std::chrono::microseconds;

  static net::endpoint at(std::size_t path) {
    return *net::endpoint::parse("192.0.2." + std::to_string(path + 1) + ":51820");
  }

  explicit chosen_paths(std::size_t paths) : histories_(paths), candidates(paths) {
    for (std::size_t i = 0; i < paths; ++i) {
      candidates[i].where = at(i);
      candidates[i].by = msg::strategy::relay;
    }
  }

  /// One round, negative for a loss; follows the advice.
  actors::path_decision round(const std::vector<microseconds>& rtts) {
    now += every;
    for (std::size_t i = 0; i < rtts.size(); ++i) {
      if (rtts[i] < microseconds{0})
        histories_[i].lost(persistence);
      else
        histories_[i].answered(rtts[i], persistence);
    }
    return decide();
  }
  actors::path_decision decide() {
    for (std::size_t i = 0; i < candidates.size(); ++i)
      candidates[i].forecast = histories_[i].forecast(persistence);
    const auto out = chooser.decide(now, current, candidates);
    if (out.to) {
      if (current) ++switches;
      current = out.to;
    }
    return out;
  }
  bool on(std::size_t path) const { return current == at(path); }

  msg::time_point now{};
  std::chrono::milliseconds every{15'000};
  std::optional<net::endpoint> current = at(0);
  int switches = 0;
  actors::delay_persistence persistence;

 private:
  std::vector<actors::delay_history> histories_;

 public:
  std::vector<actors::path_candidate> candidates;
  actors::path_chooser chooser;
};

} // namespace lanrage::test
