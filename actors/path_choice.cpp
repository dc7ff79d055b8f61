#include "actors/path_choice.hpp"

#include "config/path_defaults.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;
using std::chrono::microseconds;

namespace {

using candidates = std::vector<const path_candidate*>;

bool measured(const path_candidate& of) {
  return of.forecast.samples > 0;
}

/// Measured before unmeasured, then by cost, then by address.
bool cheaper(const path_candidate& a, const path_candidate& b) {
  if (measured(a) != measured(b)) return measured(a);
  const auto cost_a = path_cost(a);
  const auto cost_b = path_cost(b);
  return cost_a != cost_b ? cost_a < cost_b : a.where < b.where;
}

const path_candidate* cheapest(const candidates& among) {
  const auto found = std::min_element(among.begin(), among.end(),
                                      [](auto* a, auto* b) { return cheaper(*a, *b); });
  return found == among.end() ? nullptr : *found;
}

bool asked_for(const path_candidate& of) {
  return of.pinned && of.by == msg::strategy::relay;
}

/// The living ones but `here`. While a relay that was asked for lives, no other relay counts.
candidates others(std::span<const path_candidate> all, const path_candidate* here) {
  const bool pinned = std::any_of(all.begin(), all.end(), [](const path_candidate& each) {
    return each.living && asked_for(each);
  });
  candidates out;
  for (const auto& each : all)
    if (each.living && &each != here &&
        !(pinned && each.by == msg::strategy::relay && !each.pinned))
      out.push_back(&each);
  return out;
}

path_decision go(path_reason why, const path_candidate* here, const path_candidate& there) {
  return {
      why, there.where, std::nullopt, here ? path_cost(*here) : microseconds{}, path_cost(there),
      {}};
}

} // namespace

microseconds path_cost(const path_candidate& of) {
  auto cost = of.forecast.expected + of.forecast.jitter / defaults::path_jitter_parts;
  cost += std::clamp(of.failures, 0, defaults::path_failures_max) * defaults::path_failure_cost;
  if (of.by == msg::strategy::relay) {
    cost += defaults::path_relay_cost;
    if (of.load_permille >= defaults::relay_crowded_permille) cost += defaults::path_crowded_cost;
  }
  return cost;
}

/// The path may have moved since we were asked last, by our advice or by itself.
void path_chooser::noticed(time_point now, const std::optional<net::endpoint>& current) {
  while (caution_ > 0 && now - calmer_ >= defaults::path_caution_forgotten) {
    --caution_;
    calmer_ += defaults::path_caution_forgotten;
  }
  if (current == current_) return;
  if (current && current == before_ && moved_ && now - *moved_ <= defaults::path_back_within) {
    caution_ = std::min(caution_ + 1, defaults::path_caution_max);
    calmer_ = now;
  }
  if (current_) moved_ = now;
  before_ = current_;
  current_ = current;
  debts_.clear();
}

path_decision path_chooser::decide(time_point now, const std::optional<net::endpoint>& current,
                                   std::span<const path_candidate> all) {
  all = all.first(std::min(all.size(), defaults::path_candidates_max));
  noticed(now, current);
  const auto elapsed = std::chrono::duration_cast<microseconds>(
      asked_ ? std::min<time_point::duration>(now - *asked_, defaults::path_decision_gap_max)
             : time_point::duration{});
  asked_ = now;
  const auto found = std::find_if(all.begin(), all.end(), [&](const path_candidate& each) {
    return current && each.where == *current;
  });
  const auto* here = found == all.end() ? nullptr : &*found;
  const auto rivals = others(all, here);
  const auto* best = cheapest(rivals);
  if (!best)
    return {path_reason::no_path, {}, {}, here ? path_cost(*here) : microseconds{}, {}, {}};
  if (!here) return go(path_reason::start, nullptr, *best);
  if (!here->living) return go(path_reason::dead, here, *best);
  if (here->by == msg::strategy::relay && !here->pinned) {
    candidates wanted;
    std::copy_if(rivals.begin(), rivals.end(), std::back_inserter(wanted),
                 [](auto* each) { return asked_for(*each); });
    if (!wanted.empty()) return go(path_reason::pinned, here, *cheapest(wanted));
  }
  if (!measured(*here)) return {path_reason::unmeasured, {}, {}, {}, {}, {}};
  return weigh(now, elapsed, *here, rivals);
}

/// What staying costs is added up for every rival, and forgotten where it turns. The best of those
/// to whom enough is owed.
const path_candidate* path_chooser::owed(std::chrono::microseconds elapsed,
                                         const path_candidate& here, const candidates& rivals) {
  const auto cost = path_cost(here);
  const auto least = std::max<microseconds>(defaults::path_gain_least,
                                            cost * defaults::path_gain_least_percent / 100);
  const auto usual = std::max<microseconds>(here.forecast.usual, defaults::path_gain_least);
  const auto enough = usual.count() * defaults::path_lasting_usual * (1 << caution_) *
                      microseconds{defaults::path_lasting_for}.count();
  const path_candidate* best = nullptr;
  std::vector<debt> next;
  for (const auto* rival : rivals) {
    if (!measured(*rival)) continue;
    const auto known = std::find_if(debts_.begin(), debts_.end(),
                                    [&](const debt& each) { return each.where == rival->where; });
    const auto before = known == debts_.end() ? 0 : known->owed;
    const auto more = (cost - path_cost(*rival) - least).count() * elapsed.count();
    next.push_back({rival->where, std::clamp<std::int64_t>(before + more, 0, enough)});
    if (next.back().owed == enough && (!best || cheaper(*rival, *best))) best = rival;
  }
  debts_ = std::move(next);
  return best;
}

/// The path in use lives and is known: is another one worth the move?
path_decision path_chooser::weigh(time_point now, std::chrono::microseconds elapsed,
                                  const path_candidate& here, const candidates& rivals) {
  const auto* lasting = owed(elapsed, here, rivals);
  const auto* best = cheapest(rivals);
  path_decision out;
  out.here = path_cost(here);
  out.needed = std::clamp<microseconds>(defaults::path_gain_now_usual * here.forecast.usual,
                                        defaults::path_gain_least, defaults::path_gain_now) *
               (1 << caution_);
  if (!measured(*best) || path_cost(*best) >= out.here) return out;
  out.there = path_cost(*best);
  out.rival = best->where;
  const bool settled = !moved_ || now - *moved_ >= defaults::path_dwell;
  if (out.here - out.there >= out.needed)
    out.why = path_reason::much;
  else if (lasting && settled && path_cost(*lasting) < out.here)
    out.why = path_reason::lasting;
  else
    return out.why = path_reason::not_enough, out;
  const auto* to = out.why == path_reason::much ? best : lasting;
  out.rival.reset();
  out.to = to->where;
  out.there = path_cost(*to);
  return out;
}

std::string in_ms(std::chrono::nanoseconds time) {
  const auto tenths = (time.count() + 50'000) / 100'000;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " ms";
}

std::string sentence(const path_decision& of, std::string_view here, std::string_view there) {
  const std::string from{here};
  const std::string to{there};
  const auto both = from + " costs " + in_ms(of.here) + ", " + to + ' ' + in_ms(of.there);
  switch (of.why) {
  case path_reason::good:
    return from + " costs " + in_ms(of.here) + ", and nothing costs less";
  case path_reason::not_enough:
    return both + ": less than " + in_ms(of.needed) + " gained, and not for long enough yet";
  case path_reason::unmeasured:
    return "nothing was measured of " + from + " yet";
  case path_reason::no_path:
    return "there is no other living path";
  case path_reason::start:
    return to + " is the best path there is";
  case path_reason::dead:
    return from + " is dead, and " + to + " is the best that lives";
  case path_reason::pinned:
    return to + " is the relay that was asked for";
  case path_reason::much:
    return both + ": at least " + in_ms(of.needed) + " gained at once";
  case path_reason::lasting:
    return both + ", and has been better for long enough";
  }
  return {};
}

} // namespace lanrage::actors
