#include "sim/scenario/judge.hpp"

#include <algorithm>

namespace lanrage::sim::scenario {
namespace {

constexpr std::size_t pairs_named_max = 3;

bool up(const pair_view* view) {
  if (!view) return false;
  return view->at == msg::phase::connected || view->at == msg::phase::degraded ||
         view->at == msg::phase::trialling;
}

bool one_side(const expect_pairs& wanted, const pair_view* view) {
  switch (wanted.state) {
  case pair_state::connected:
    return up(view);
  case pair_state::healthy:
    return view && view->at == msg::phase::connected;
  case pair_state::degraded:
    return view && view->at == msg::phase::degraded;
  case pair_state::direct:
    return up(view) && view->how == msg::strategy::direct;
  case pair_state::relay:
    return up(view) && view->how == msg::strategy::relay &&
           (!wanted.relay || view->relay == *wanted.relay);
  case pair_state::failed:
    return view && view->at == msg::phase::failed;
  case pair_state::apart:
    return !up(view);
  }
  return false;
}

std::string what_text(const expect_pairs& wanted) {
  std::string out = to_string(wanted.state);
  if (wanted.relay) out += " through " + *wanted.relay;
  return out;
}

bool within(duration now, duration from, const std::optional<duration>& to) {
  return now >= from && (!to || now <= *to);
}

} // namespace

std::string seconds_text(duration time) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  auto below = std::to_string(time.count() % ns_per_s);
  below.insert(0, 9 - below.size(), '0');
  below.erase(below.find_last_not_of('0') + 1);
  return std::to_string(time.count() / ns_per_s) + (below.empty() ? "" : "." + below) + "s";
}

judge::judge(const script& on) : script_(on), states_(on.expectations.size()) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto* pairs = std::get_if<expect_pairs>(&on.expectations[i].what);
    if (!pairs) continue;
    auto& s = states_[i];
    s.among.resize(on.members.size());
    for (const auto member : pairs->members)
      s.among[member] = true;
    s.pairs = pairs->members.size() * (pairs->members.size() - 1) / 2;
    // Nobody has a view yet.
    s.holding = one_side(*pairs, nullptr) ? s.pairs : 0;
  }
}

bool judge::holds(const expect_pairs& wanted, std::uint32_t a, std::uint32_t b) const {
  const auto side = [&](std::uint32_t member, std::uint32_t peer) {
    const auto found = views_.find({member, peer});
    return one_side(wanted, found == views_.end() ? nullptr : &found->second);
  };
  return side(a, b) && side(b, a);
}

void judge::count(duration now, std::uint32_t a, std::uint32_t b, int change) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    auto& s = states_[i];
    if (s.judged || s.among.empty() || !s.among[a] || !s.among[b]) continue;
    const auto& wanted = std::get<expect_pairs>(script_.expectations[i].what);
    if (!holds(wanted, a, b)) {
      if (change > 0) after(now, i);
      continue;
    }
    s.holding += static_cast<std::size_t>(change);
    if (change > 0) after(now, i);
  }
}

void judge::heard(duration now, std::uint32_t member, std::uint32_t peer,
                  std::optional<pair_view> view) {
  count(now, member, peer, -1);
  if (view)
    views_[{member, peer}] = std::move(*view);
  else
    views_.erase({member, peer});
  count(now, member, peer, +1);
}

void judge::forget(duration now, std::uint32_t member) {
  for (auto at = views_.lower_bound({member, 0});
       at != views_.end() && at->first.first == member;) {
    const auto peer = at->first.second;
    ++at; // heard() takes the entry away
    heard(now, member, peer, std::nullopt);
  }
}

/// Something about its pairs changed.
void judge::after(duration now, std::size_t expectation) {
  auto& s = states_[expectation];
  const auto& wanted = std::get<expect_pairs>(script_.expectations[expectation].what);
  const bool all = s.holding == s.pairs;
  if (const auto* by = std::get_if<when_by>(&wanted.time); by && all && now <= by->by)
    s.reached = s.judged = true;
  if (const auto* from = std::get_if<when_from>(&wanted.time); from && s.active && !all) {
    if (from->to && now > *from->to) return;
    miss(expectation, missed::kind::safety,
         "expected " + what_text(wanted) + " from " + seconds_text(from->from) + " on; at " +
             seconds_text(now) + " " + why_not(wanted, s));
  }
}

std::vector<std::pair<duration, std::size_t>> judge::moments() const {
  std::vector<std::pair<duration, std::size_t>> out;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto* pairs = std::get_if<expect_pairs>(&script_.expectations[i].what);
    if (!pairs) continue;
    if (const auto* by = std::get_if<when_by>(&pairs->time)) out.emplace_back(by->by, i);
    if (const auto* at = std::get_if<when_at>(&pairs->time)) out.emplace_back(at->at, i);
    if (const auto* from = std::get_if<when_from>(&pairs->time)) {
      out.emplace_back(from->from, i);
      if (from->to) out.emplace_back(*from->to, i);
    }
  }
  return out;
}

void judge::look(duration now, std::size_t expectation) {
  auto& s = states_[expectation];
  if (s.judged) return;
  const auto& wanted = std::get<expect_pairs>(script_.expectations[expectation].what);
  const bool all = s.holding == s.pairs;
  if (std::holds_alternative<when_from>(wanted.time)) {
    if (s.active) {
      s.judged = true; // it held to its end
      return;
    }
    s.active = true;
    return after(now, expectation);
  }
  if (all) {
    s.judged = true;
    return;
  }
  const bool by = std::holds_alternative<when_by>(wanted.time);
  miss(expectation, missed::kind::liveness,
       "expected " + what_text(wanted) + (by ? " by " : " at ") + seconds_text(now) + "; then " +
           why_not(wanted, s));
}

void judge::line(duration now, std::string_view text) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const auto* wanted = std::get_if<expect_lines>(&script_.expectations[i].what);
    if (!wanted || states_[i].judged || !within(now, wanted->from, wanted->to) ||
        text.find(wanted->text) == std::string_view::npos)
      continue;
    if (++states_[i].lines <= wanted->at_most.value_or(UINT64_MAX)) continue;
    miss(i, missed::kind::safety,
         "expected at most " + std::to_string(*wanted->at_most) + " lines with \"" + wanted->text +
             "\"; at " + seconds_text(now) + ": " + std::string{text});
  }
}

void judge::trouble(missed::kind what, place where, std::string text) {
  missed_.push_back({what, where, std::move(text)});
}

bool judge::wants_distinct() const {
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (!states_[i].judged && std::holds_alternative<expect_distinct>(script_.expectations[i].what))
      return true;
  return false;
}

void judge::addresses(duration now, const std::vector<std::uint32_t>& of) {
  std::map<std::uint32_t, std::uint32_t> seen;
  for (std::uint32_t member = 0; member < of.size(); ++member) {
    if (of[member] == 0) continue;
    const auto [first, fresh] = seen.emplace(of[member], member);
    if (fresh) continue;
    for (std::size_t i = 0; i < states_.size(); ++i)
      if (!states_[i].judged &&
          std::holds_alternative<expect_distinct>(script_.expectations[i].what))
        miss(i, missed::kind::safety,
             script_.members[first->second].name + " and " + script_.members[member].name +
                 " have the same virtual address at " + seconds_text(now));
    return;
  }
}

const std::vector<missed>& judge::finish(duration end,
                                         const std::vector<std::optional<ping_result>>& streams) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].judged) continue;
    const auto& what = script_.expectations[i].what;
    if (const auto* lines = std::get_if<expect_lines>(&what)) {
      const bool over = !lines->to || *lines->to <= end;
      if (lines->at_least && over && states_[i].lines < *lines->at_least)
        miss(i, missed::kind::liveness,
             "expected at least " + std::to_string(*lines->at_least) + " lines with \"" +
                 lines->text + "\", there were " + std::to_string(states_[i].lines));
    }
    if (const auto* pings = std::get_if<expect_pings>(&what))
      if (pings->stream < streams.size() && streams[pings->stream])
        finish_pings(i, *pings, *streams[pings->stream]);
  }
  std::stable_sort(missed_.begin(), missed_.end(),
                   [](const auto& a, const auto& b) { return a.where < b.where; });
  return missed_;
}

void judge::finish_pings(std::size_t expectation, const expect_pings& wanted,
                         const ping_result& got) {
  const auto& name = script_.streams[wanted.stream].name;
  const auto lost = got.sent - got.answered;
  if (wanted.lost_at_most && lost > *wanted.lost_at_most)
    miss(expectation, missed::kind::safety,
         "pings " + name + ": " + std::to_string(lost) + " of " + std::to_string(got.sent) +
             " lost, expected at most " + std::to_string(*wanted.lost_at_most));
  if (wanted.silence_at_most && got.silence > *wanted.silence_at_most)
    miss(expectation, missed::kind::safety,
         "pings " + name + ": no answer for " + seconds_text(got.silence) + ", expected at most " +
             seconds_text(*wanted.silence_at_most));
  if (wanted.answered_at_least && got.answered < *wanted.answered_at_least)
    miss(expectation, missed::kind::liveness,
         "pings " + name + ": " + std::to_string(got.answered) + " answered, expected at least " +
             std::to_string(*wanted.answered_at_least));
}

void judge::miss(std::size_t expectation, missed::kind what, std::string text) {
  states_[expectation].judged = true;
  missed_.push_back({what, script_.expectations[expectation].where, std::move(text)});
}

std::string judge::view_text(std::uint32_t member, std::uint32_t peer) const {
  const auto found = views_.find({member, peer});
  std::string out = script_.members[member].name + " says ";
  if (found == views_.end()) return out + "nothing";
  out += msg::to_string(found->second.at);
  if (found->second.how) out += ' ' + std::string{msg::to_string(*found->second.how)};
  if (!found->second.relay.empty()) out += ' ' + found->second.relay;
  return out;
}

std::string judge::why_not(const expect_pairs& wanted, const state& now) const {
  std::string out;
  std::size_t named = 0;
  for (std::size_t i = 0; i < wanted.members.size() && named < pairs_named_max; ++i)
    for (std::size_t j = i + 1; j < wanted.members.size() && named < pairs_named_max; ++j) {
      const auto a = wanted.members[i];
      const auto b = wanted.members[j];
      if (holds(wanted, a, b)) continue;
      ++named;
      out += (out.empty() ? "" : ", ") + script_.members[a].name + "-" + script_.members[b].name +
             " (" + view_text(a, b) + ", " + view_text(b, a) + ")";
    }
  const auto others = now.pairs - now.holding;
  if (others > named) out += " and " + std::to_string(others - named) + " more pairs";
  return out;
}

} // namespace lanrage::sim::scenario
