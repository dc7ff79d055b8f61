#include "sim/policy/rules.hpp"

#include "actors/delay_history.hpp"
#include "actors/path_choice.hpp"

#include <algorithm>
#include <deque>

namespace lanrage::sim::policy {

namespace {

using namespace std::chrono_literals;

std::size_t best_of(std::span<const microseconds> delays) {
  return static_cast<std::size_t>(
      std::distance(delays.begin(), std::min_element(delays.begin(), delays.end())));
}

std::vector<microseconds> whole(const observed& slice) {
  std::vector<microseconds> out;
  for (std::size_t i = 0; i < slice.near.size(); ++i)
    out.push_back(slice.near[i] + slice.far[i]);
  return out;
}

class never : public rule {
 public:
  std::size_t next(const observed& slice) override { return slice.relay; }
};

/// The best of the last slice, if it gains at least so much of both.
class threshold : public rule {
 public:
  threshold(int percent, microseconds least) : percent_(percent), least_(least) {}
  std::size_t next(const observed& slice) override {
    const auto delays = whole(slice);
    const auto best = best_of(delays);
    const auto gain = delays[slice.relay] - delays[best];
    const bool enough =
        gain > 0us && gain >= least_ && gain * 100 >= delays[slice.relay] * percent_;
    return enough ? best : slice.relay;
  }

 private:
  int percent_;
  microseconds least_;
};

/// Any gain, between the medians of the last few slices.
class medians : public rule {
 public:
  explicit medians(std::size_t window) : window_(window) {}
  std::size_t next(const observed& slice) override {
    seen_.push_back(whole(slice));
    if (seen_.size() > window_) seen_.pop_front();
    std::vector<microseconds> delays;
    for (std::size_t i = 0; i < slice.near.size(); ++i) {
      std::vector<microseconds> order;
      for (const auto& each : seen_)
        order.push_back(each[i]);
      std::sort(order.begin(), order.end());
      delays.push_back(order[(order.size() - 1) / 2]);
    }
    const auto best = best_of(delays);
    return delays[best] < delays[slice.relay] ? best : slice.relay;
  }

 private:
  std::size_t window_;
  std::deque<std::vector<microseconds>> seen_;
};

/// actors/path_choice as the daemon has it, with a history of each leg.
class ours : public rule {
 public:
  explicit ours(std::size_t relays) : near_(relays), far_(relays), paths_(relays) {
    for (std::size_t i = 0; i < relays; ++i) {
      const auto number = static_cast<std::uint32_t>(i);
      paths_[i].where = {net::ip_address::v4(0x0a00'0000 + number), 1};
      paths_[i].by = msg::strategy::relay;
    }
  }
  std::size_t next(const observed& slice) override {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      near_[i].answered(slice.near[i], persistence_);
      far_[i].answered(slice.far[i], persistence_);
    }
    for (std::size_t i = 0; i < paths_.size(); ++i)
      paths_[i].forecast = near_[i].forecast(persistence_) + far_[i].forecast(persistence_);
    const auto said =
        chooser_.decide(msg::time_point{slice.time}, paths_[slice.relay].where, paths_);
    if (!said.to) return slice.relay;
    const auto to = std::find_if(paths_.begin(), paths_.end(),
                                 [&](const auto& each) { return each.where == *said.to; });
    return static_cast<std::size_t>(std::distance(paths_.begin(), to));
  }

 private:
  actors::delay_persistence persistence_;
  std::vector<actors::delay_history> near_;
  std::vector<actors::delay_history> far_;
  std::vector<actors::path_candidate> paths_;
  actors::path_chooser chooser_;
};

named_rule at_least(int percent, std::chrono::milliseconds least) {
  return {std::to_string(percent) + " % and " + std::to_string(least.count()) + " ms",
          [=](std::size_t) { return std::make_unique<threshold>(percent, least); }, true};
}

named_rule median_of(std::size_t window) {
  return {"median of " + std::to_string(window) + ", any gain",
          [=](std::size_t) { return std::make_unique<medians>(window); }, false};
}

} // namespace

std::vector<named_rule> all_rules() {
  return {{"never", [](std::size_t) { return std::make_unique<never>(); }, true},
          at_least(50, 50ms),
          at_least(30, 30ms),
          at_least(20, 20ms),
          {"any gain", [](std::size_t) { return std::make_unique<threshold>(0, 0us); }, true},
          median_of(3),
          median_of(5),
          {"ours", [](std::size_t relays) { return std::make_unique<ours>(relays); }, false}};
}

} // namespace lanrage::sim::policy
