#include "sim/policy/laboratory.hpp"

#include "net/random.hpp"

#include <algorithm>

namespace lanrage::sim::policy {

namespace {

/// One pair's slices: the legs to every relay, and the best whole.
class pair_view {
 public:
  pair_view(const mesh_recording& on, const draw& from, std::pair<std::size_t, std::size_t> pair)
      : on_(on), from_(from), pair_(pair), near_(from.relays.size()), far_(from.relays.size()) {}

  void look(std::size_t slice) {
    for (std::size_t i = 0; i < near_.size(); ++i) {
      near_[i] = on_.at(slice, pair_.first, from_.relays[i]);
      far_[i] = on_.at(slice, from_.relays[i], pair_.second);
      if (i == 0 || over(i) < over(best_)) best_ = i;
    }
  }
  microseconds over(std::size_t relay) const { return near_[relay] + far_[relay]; }
  std::size_t best() const { return best_; }
  observed seen(std::size_t slice, std::size_t relay) const {
    return {on_.interval() * static_cast<std::int64_t>(slice), near_, far_, relay};
  }
  microseconds regret(std::size_t relay) const { return over(relay) - over(best_); }

 private:
  const mesh_recording& on_;
  const draw& from_;
  std::pair<std::size_t, std::size_t> pair_;
  std::vector<microseconds> near_;
  std::vector<microseconds> far_;
  std::size_t best_ = 0;
};

/// A pair's best course, where a switch costs `price` of regret.
struct course {
  std::int64_t cost = 0; ///< regret and prices
  std::int64_t regret = 0;
  std::uint64_t switches = 0;
};

course best_course(const mesh_recording& on, const draw& from,
                   std::pair<std::size_t, std::size_t> pair, std::int64_t price) {
  pair_view view{on, from, pair};
  view.look(0);
  const auto start = view.best();
  constexpr std::int64_t never = std::int64_t{1} << 60;
  std::vector<course> at(from.relays.size());
  for (std::size_t i = 0; i < at.size(); ++i)
    if (i != start) at[i].cost = never;
  const auto less = [](const course& a, const course& b) { return a.cost < b.cost; };
  for (std::size_t slice = 1; slice < on.slices(); ++slice) {
    view.look(slice);
    const auto cheapest = *std::min_element(at.begin(), at.end(), less);
    for (std::size_t i = 0; i < at.size(); ++i) {
      if (slice > 1 && cheapest.cost + price < at[i].cost)
        at[i] = {cheapest.cost + price, cheapest.regret, cheapest.switches + 1};
      const auto regret = view.regret(i).count();
      at[i].cost += regret;
      at[i].regret += regret;
    }
  }
  return *std::min_element(at.begin(), at.end(), less);
}

struct point {
  std::int64_t mean = 0; ///< of regret, microseconds
  std::uint64_t switches_milli = 0;
};

point best_at(const mesh_recording& on, const std::vector<draw>& draws, std::int64_t price) {
  std::int64_t regret = 0;
  std::uint64_t switches = 0;
  std::uint64_t pairs = 0;
  for (const auto& each : draws)
    for (const auto& pair : each.pairs) {
      const auto got = best_course(on, each, pair, price);
      regret += got.regret;
      switches += got.switches;
      ++pairs;
    }
  if (pairs == 0) return {};
  return {regret / static_cast<std::int64_t>(pairs * (on.slices() - 1)), switches * 1'000 / pairs};
}

/// At `x` on the line through both; `a` has fewer switches.
microseconds between(const point& a, const point& b, std::uint64_t x) {
  if (b.switches_milli <= a.switches_milli) return microseconds{a.mean};
  const auto part = static_cast<std::int64_t>(x - a.switches_milli);
  const auto whole = static_cast<std::int64_t>(b.switches_milli - a.switches_milli);
  return microseconds{a.mean + (b.mean - a.mean) * part / whole};
}

} // namespace

std::vector<draw> draws_of(const mesh_recording& from, const laboratory_options& how,
                           std::size_t first) {
  const auto ranked = from.by_median();
  const auto among = std::min(how.among, from.nodes());
  const auto relays = std::min({how.relays, among, from.nodes() - 2});
  std::vector<draw> out;
  for (std::size_t number = first; number < first + how.draws; ++number) {
    net::splitmix64 random{net::splitmix64::mix(how.seed) + net::splitmix64::mix(number + 1)};
    draw one;
    std::vector<std::size_t> near{ranked.begin(),
                                  ranked.begin() + static_cast<std::ptrdiff_t>(among)};
    for (std::size_t i = 0; i < relays; ++i)
      std::swap(near[i], near[i + random.next() % (among - i)]);
    one.relays.assign(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(relays));
    const auto is_relay = [&](std::size_t node) {
      return std::find(one.relays.begin(), one.relays.end(), node) != one.relays.end();
    };
    while (one.pairs.size() < how.pairs) {
      const auto a = random.next() % from.nodes();
      const auto b = random.next() % from.nodes();
      if (a != b && !is_relay(a) && !is_relay(b)) one.pairs.emplace_back(a, b);
    }
    out.push_back(std::move(one));
  }
  return out;
}

figures measure(const mesh_recording& on, const std::vector<draw>& draws, const named_rule& rule) {
  std::vector<microseconds> regrets;
  std::uint64_t switches = 0;
  std::uint64_t pairs = 0;
  for (const auto& each : draws)
    for (const auto& pair : each.pairs) {
      pair_view view{on, each, pair};
      const auto policy = rule.make(each.relays.size());
      view.look(0);
      auto relay = view.best();
      policy->next(view.seen(0, relay)); // the first choice is the same for all
      for (std::size_t slice = 1; slice < on.slices(); ++slice) {
        view.look(slice);
        regrets.push_back(view.regret(relay));
        if (slice + 1 == on.slices()) break;
        const auto next = policy->next(view.seen(slice, relay));
        switches += next == relay ? 0 : 1;
        relay = next;
      }
      ++pairs;
    }
  figures out{rule.name, rule.reference, {}, {}, 0};
  if (regrets.empty()) return out;
  microseconds sum{};
  for (const auto each : regrets)
    sum += each;
  out.mean = sum / static_cast<std::int64_t>(regrets.size());
  const auto at = regrets.begin() + static_cast<std::ptrdiff_t>(regrets.size() * 99 / 100);
  std::nth_element(regrets.begin(), at, regrets.end());
  out.p99 = *at;
  out.switches_milli = switches * 1'000 / pairs;
  return out;
}

microseconds hindsight(const mesh_recording& on, const std::vector<draw>& draws,
                       std::uint64_t switches_milli) {
  // The dearer a switch, the fewer: search the price, then go between both sides of a step.
  std::int64_t low = 0;
  std::int64_t high = std::int64_t{1} << 42;
  auto many = best_at(on, draws, low);
  if (many.switches_milli <= switches_milli) return microseconds{many.mean};
  auto few = best_at(on, draws, high);
  while (high - low > 1 && (high - low) * 1'000 > low) {
    const auto middle = low + (high - low) / 2;
    const auto got = best_at(on, draws, middle);
    if (got.switches_milli > switches_milli) {
      low = middle;
      many = got;
    } else {
      high = middle;
      few = got;
    }
  }
  return between(few, many, switches_milli);
}

std::optional<std::int64_t> table::below_permille() const {
  if (!curve || curve->count() == 0) return std::nullopt;
  return (*curve - ours().mean).count() * 1'000 / curve->count();
}

table tabulate(std::string name, const mesh_recording& on, const std::vector<draw>& draws) {
  table out;
  out.name = std::move(name);
  out.slices = on.slices();
  std::vector<point> curve;
  for (const auto& rule : all_rules()) {
    out.rows.push_back(measure(on, draws, rule));
    const auto& row = out.rows.back();
    if (row.reference) curve.push_back({row.mean.count(), row.switches_milli});
  }
  const auto at = out.ours().switches_milli;
  std::sort(curve.begin(), curve.end(), [](const point& a, const point& b) {
    return std::pair{a.switches_milli, a.mean} < std::pair{b.switches_milli, b.mean};
  });
  for (std::size_t i = 1; i < curve.size() && !out.curve; ++i)
    if (at >= curve[i - 1].switches_milli && at <= curve[i].switches_milli)
      out.curve = between(curve[i - 1], curve[i], at);
  out.limit = hindsight(on, draws, at);
  return out;
}

std::vector<table> experiment(const mesh_recording& on, const laboratory_options& how, bool split) {
  std::vector<table> out;
  out.push_back(tabulate("all", on, draws_of(on, how)));
  if (!split) return out;
  const auto half = on.slices() / 2;
  out.push_back(tabulate("fit", on.part(0, half), draws_of(on, how)));
  out.push_back(tabulate("held out", on.part(half, on.slices()), draws_of(on, how, how.draws)));
  out.back().first_slice = half;
  return out;
}

} // namespace lanrage::sim::policy
