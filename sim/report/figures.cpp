#include "sim/report/figures.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace lanrage::sim::report {
namespace {

__extension__ using wide = __int128;

constexpr std::int64_t per_million = 1'000'000;

pair_figures pair_figures_of(const pair_record& of, std::size_t number, duration until) {
  pair_figures out;
  out.pair = number;
  if (of.connects.empty()) return out;
  out.first_connect = of.connects.front().to - of.connects.front().from;
  const auto begin = of.connects.front().to;
  duration silent{};
  auto before = path::none;
  for (std::size_t i = 0; i < of.rtts.size(); ++i) {
    const auto& step = of.rtts[i];
    const auto from = std::max(step.at, begin);
    const auto to = i + 1 < of.rtts.size() ? of.rtts[i + 1].at : until;
    if (to <= from) continue;
    const auto time = to - from;
    const auto weight = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    if (step.joined) out.joined += time;
    silent = step.joined && !step.used ? silent + time : duration{};
    if (step.joined && !step.used) out.outage += time;
    out.longest_outage = std::max(out.longest_outage, silent);
    if (step.over != path::none) {
      out.switches += before != path::none && before != step.over;
      before = step.over;
    }
    if (!step.used) continue;
    (is_relay(step.over) ? out.relayed : out.direct) += time;
    if (step.best) out.regret.add(*step.used - *step.best, weight);
    if (is_relay(step.over) && step.best_relay)
      out.over_relay.add(*step.used - *step.best_relay, weight);
  }
  return out;
}

} // namespace

void distribution::add(duration value, std::int64_t weight) {
  if (weight <= 0) return;
  values_[value] += weight;
  whole_ += weight;
}

void distribution::add(const distribution& other) {
  for (const auto& [value, weight] : other.values_)
    add(value, weight);
}

duration distribution::mean() const {
  if (empty()) return {};
  wide sum = 0;
  for (const auto& [value, weight] : values_)
    sum += static_cast<wide>(value.count()) * weight;
  return duration{static_cast<std::int64_t>(sum / whole_)};
}

duration distribution::quantile(std::int64_t ppm) const {
  wide below = 0;
  for (const auto& [value, weight] : values_) {
    below += weight;
    if (below * per_million >= static_cast<wide>(whole_) * ppm) return value;
  }
  return most();
}

duration distribution::most() const {
  return values_.empty() ? duration{} : values_.rbegin()->first;
}

figures figures_of(const run_record& of) {
  figures out;
  for (std::size_t i = 0; i < of.pairs.size(); ++i) {
    auto pair = pair_figures_of(of.pairs[i], i, of.until);
    for (const auto& each : of.pairs[i].connects)
      out.connects.add(each.to - each.from);
    out.regret.add(pair.regret);
    out.over_relay.add(pair.over_relay);
    out.connected += pair.first_connect.has_value();
    out.switches += pair.switches;
    out.pairs.push_back(std::move(pair));
  }
  return out;
}

std::vector<std::size_t> worst_first(const figures& of) {
  std::vector<std::size_t> out(of.pairs.size());
  std::iota(out.begin(), out.end(), std::size_t{0});
  const auto rank = [&](std::size_t i) {
    const auto& p = of.pairs[i];
    return std::tuple{p.first_connect.has_value(), -p.outage, -p.regret.mean()};
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](std::size_t x, std::size_t y) { return rank(x) < rank(y); });
  return out;
}

} // namespace lanrage::sim::report
