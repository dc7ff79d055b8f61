#include "sim/invariants/connections.hpp"

#include "actors/peer/peer_states.hpp"
#include "config/path_defaults.hpp"
#include "sim/scenario/judge.hpp"

#include <algorithm>

namespace lanrage::sim::invariants {
namespace {

namespace defaults = config::defaults;
using msg::phase;
using scenario::seconds_text;

/// Timers and answers that are due at the deadline itself come a little later.
constexpr duration slack = std::chrono::seconds{1};
/// How a repair says which one it is (actors/peer/peer_health.cpp).
constexpr std::string_view after_repair = "no answer after repair ";
constexpr std::string_view after_all = "no answer after three repairs";
constexpr duration hour = std::chrono::hours{1};
/// A timer that a fault made late (at most 5 minutes, sim/faults/kinds_daemon.cpp) outlives it.
constexpr duration late_timers = std::chrono::minutes{6};

std::string name(phase at) {
  return std::string{msg::to_string(at)};
}
std::string ms_text(duration time) {
  return std::to_string(time.count() / 1'000'000) + " ms";
}

} // namespace

bool is_up(phase at) {
  return at == phase::connected || at == phase::degraded || at == phase::trialling;
}

bool may_follow(phase from, phase to) {
  return from == to || actors::legal(from, to) ||
         (actors::legal(from, phase::negotiating) && actors::legal(phase::negotiating, to));
}

std::optional<duration> longest_in(phase at) {
  constexpr duration moving = duration{defaults::prepare_deadline} + defaults::move_deadline +
                              defaults::assert_deadline + defaults::configure_deadline +
                              defaults::move_again;
  switch (at) {
  case phase::discovering:
    return defaults::discover_deadline;
  case phase::negotiating:
    return defaults::negotiate_deadline;
  case phase::configuring:
    return defaults::configure_deadline;
  case phase::verifying:
    return defaults::verify_deadline;
  case phase::trialling: // there, measured, and back
    return 2 * moving + defaults::trial_deadline + defaults::verify_deadline;
  case phase::reconnecting:
    return defaults::repair_attempts * duration{defaults::repair_interval};
  case phase::closing:
    return defaults::wg_retries * duration{defaults::configure_deadline};
  case phase::connected:
  case phase::degraded:
  case phase::failed:
    break;
  }
  return std::nullopt;
}

void connection_rules::add(std::string_view id, duration now, const said& by, std::string text) {
  found_.add(id, now, by.who, std::move(text));
}

void connection_rules::heard(const said& by, const msg::connection_view& view, duration now) {
  const auto [at, fresh] = states_.try_emplace({by.member, view.key});
  auto& s = at->second;
  const bool gap = std::exchange(s.unheard, false);
  const bool same_actor = !fresh && s.by.actor == by.actor;
  if (view.reason.empty()) add("S7", now, by, "is " + name(view.at) + " and says no reason");
  health(by, fresh ? nullptr : &s, view, now, gap);
  if (!fresh && !gap) {
    transition(s, view, same_actor, now);
    if (same_actor) {
      trial(s, view, now);
      switches(s, view, now);
    } else {
      s.before_trial.reset();
    }
  }
  s.by = by;
  if (fresh || !same_actor || s.view.at != view.at) s.since = now;
  if (gap)
    s.attempt = 0;
  else
    repairs(s, view, now);
  s.view = view;
  s.stale = false;
}

void connection_rules::transition(state& s, const msg::connection_view& view, bool same_actor,
                                  duration now) {
  const auto from = s.view.at;
  const auto to = view.at;
  if (!same_actor) {
    if (is_up(to) || to == phase::reconnecting)
      add("S7", now, s.by, "began as " + name(to) + ": nothing was verified");
    return;
  }
  if (from == to) return;
  if (passed_) passed_(from, to);
  if (!may_follow(from, to))
    add("S7", now, s.by, "went from " + name(from) + " to " + name(to) + " (" + view.reason + ")");
}

/// Which repair it is stands in the reason alone.
void connection_rules::repairs(state& s, const msg::connection_view& view, duration now) {
  const auto early = [&](const std::string& what) {
    if (s.attempt > 0 && now - s.attempt_at < duration{defaults::repair_interval} &&
        in_time(s.by.member, now))
      add("S7", now, s.by,
          what + ' ' + seconds_text(now - s.attempt_at) + " after repair " +
              std::to_string(s.attempt) + ", expected at least " +
              seconds_text(defaults::repair_interval));
  };
  if (view.at == phase::reconnecting) {
    if (view.counters.reconnects != s.view.counters.reconnects) { // the first one, perhaps anew
      s.attempt = 1;
      s.attempt_at = now;
      s.since = now; // a new interface begins the three anew, in the same state
    } else if (view.reason.starts_with(after_repair) && view.reason != s.view.reason) {
      const auto attempt = view.reason[after_repair.size()] - '0' + 1;
      if (s.attempt > 0 && attempt != s.attempt + 1)
        add("S7", now, s.by,
            "repair " + std::to_string(attempt) + " follows repair " + std::to_string(s.attempt));
      early("repair " + std::to_string(attempt) + " began");
      s.attempt = attempt;
      s.attempt_at = now;
    }
    return;
  }
  if (view.at == phase::failed && s.view.at != phase::failed) {
    if (!view.error) add("S7", now, s.by, "is failed without an error");
    if (view.reason == after_all) {
      if (s.attempt > 0 && s.attempt != defaults::repair_attempts)
        add("S7", now, s.by, "failed after repair " + std::to_string(s.attempt));
      early("failed");
    }
  }
  s.attempt = 0;
}

void connection_rules::health(const said& by, const state* before, const msg::connection_view& view,
                              duration now, bool gap) {
  const auto limit = duration{by.health.degraded_above};
  const auto slow = view.latency && *view.latency > limit;
  if ((view.at == phase::connected && (!view.latency || slow)) ||
      (view.at == phase::degraded && !slow))
    add("S8", now, by,
        "is " + name(view.at) + " at " +
            (view.latency ? ms_text(*view.latency) : std::string{"no latency"}) +
            ", the limit is " + ms_text(limit));
  const bool measured = !gap && view.latency && is_up(view.at) && view.at != phase::trialling &&
                        (!before || before->view.latency != view.latency);
  if (!measured || !in_time(by.member, now)) return;
  const auto got = answers_.find({by.member, view.address});
  const bool real = got != answers_.end() && got->second.at == now &&
                    std::count(got->second.rtts.begin(), got->second.rtts.end(), *view.latency) > 0;
  if (!real)
    add("S8", now, by, "says it measured " + ms_text(*view.latency) + ", and no echo took so long");
}

void connection_rules::trial(state& s, const msg::connection_view& view, duration now) {
  if (view.at == phase::trialling) {
    if (s.view.at != phase::trialling) {
      s.before_trial = s.view;
      s.before_trial->latency = view.latency; // what made it begin is not told before
    }
    return;
  }
  const auto before = std::exchange(s.before_trial, std::nullopt);
  if (!before || !is_up(view.at)) return;
  if (view.where == before->where) return; // restored
  if (before->latency && view.latency && *view.latency < *before->latency) return;
  add("S9", now, s.by,
      "kept " + view.relay.value_or("another path") +
          " after a trial: " + (view.latency ? ms_text(*view.latency) : std::string{"unmeasured"}) +
          " instead of " + (before->latency ? ms_text(*before->latency) : std::string{"nothing"}));
}

void connection_rules::switches(state& s, const msg::connection_view& view, duration now) {
  const auto more = view.counters.relay_switches - s.view.counters.relay_switches;
  if (view.counters.relay_switches < s.view.counters.relay_switches || !is_up(s.view.at) ||
      !is_up(view.at))
    return;
  for (std::uint64_t i = 0; i < more; ++i)
    s.switches.push_back(now);
  while (!s.switches.empty() && now - s.switches.front() > hour)
    s.switches.pop_front();
  if (s.switches.size() > switches_per_hour)
    add("S10", now, s.by,
        std::to_string(s.switches.size()) + " switches within an hour, at most " +
            std::to_string(switches_per_hour));
}

void connection_rules::answered(std::uint32_t member, net::virtual_ip by, duration rtt,
                                duration now) {
  auto& known = answers_[{member, by}];
  if (known.at != now) known.rtts.clear();
  known.at = now;
  known.rtts.push_back(rtt);
}

void connection_rules::may_rest(std::uint32_t member, const net::wg_public_key& peer, bool rests) {
  const auto found = states_.find({member, peer});
  if (found != states_.end()) found->second.rests = rests;
}

void connection_rules::closed(std::uint32_t member, const net::wg_public_key& peer) {
  states_.erase({member, peer});
}

void connection_rules::actor_died(std::uint64_t actor) {
  for (auto& [key, each] : states_)
    if (each.by.actor == actor) each.stale = true;
}

void connection_rules::unheard(std::uint32_t member) {
  for (auto& [key, each] : states_)
    if (key.first == member) each.unheard = true;
}

void connection_rules::daemon_ended(std::uint32_t member) {
  std::erase_if(states_, [&](const auto& each) { return each.first.first == member; });
}

void connection_rules::mistimed(std::uint32_t member, bool on, duration now) {
  auto& m = mistimed_[member];
  m.count += on ? 1 : -1;
  m.last = now;
}

bool connection_rules::in_time(std::uint32_t member, duration now) const {
  const auto m = mistimed_.find(member);
  return m == mistimed_.end() || (m->second.count == 0 && now - m->second.last > late_timers);
}

void connection_rules::look(duration now) {
  for (const auto& [key, s] : states_) {
    if (s.stale || s.unheard || !in_time(key.first, now)) continue;
    if (const auto most = longest_in(s.view.at); most && now - s.since > *most + slack) {
      const auto id = s.view.at == phase::trialling ? "S9" : "L7";
      add(id, now, s.by,
          "is " + name(s.view.at) + " since " + seconds_text(s.since) + ", at most " +
              seconds_text(*most) + " (" + s.view.reason + ")");
    }
    if (s.view.at != phase::connected && s.view.at != phase::degraded) continue;
    const auto got = answers_.find({key.first, s.view.address});
    const auto last = got == answers_.end() ? duration{} : got->second.at;
    const auto most = 2 * duration{s.by.health.check_interval};
    if (now - std::max(last, duration{}) > most)
      add("S8", now, s.by,
          "is " + name(s.view.at) + " and was answered last at " + seconds_text(last) +
              ", more than two checks ago");
  }
}

} // namespace lanrage::sim::invariants
