#include "actors/peer/peer_connection.hpp"
#include "actors/peer/repair.hpp"
#include "config/check_defaults.hpp"

#include <algorithm>
#include <utility>

/// How a connection is verified, watched, compared with another relay, and repaired.
namespace lanrage::actors {

namespace defaults = config::defaults;
using std::chrono::nanoseconds;

monitored* peer_connection::up() {
  if (auto* s = in<connected>()) return s;
  return in<degraded>();
}
const monitored* peer_connection::up() const {
  if (const auto* s = in<connected>()) return s;
  return in<degraded>();
}
bool peer_connection::alive() const {
  return up() != nullptr;
}

void peer_connection::probe(probe_series& series, std::chrono::milliseconds timeout,
                            std::chrono::milliseconds next_after) {
  series.sent(issue(msg::probe_tunnel{record_.address, timeout}), now_.at + next_after);
}

void peer_connection::on(const tunnel_report& answer) {
  if (auto* v = in<verifying>())
    report(*v, answer);
  else if (auto* m = up())
    report(*m, answer);
  else if (auto* t = in<trialling>())
    report(*t, answer);
  else if (auto* r = in<reconnecting>())
    report(*r, answer);
}

// --- verifying -----------------------------------------------------------------------------------

void peer_connection::verify(std::string why, bool adopting) {
  enter(verifying{now_.at + defaults::verify_deadline, probe_series{health_.degraded_above},
                  adopting},
        std::move(why));
  probe_next(in<verifying>()->probes);
}

void peer_connection::due(verifying& s) {
  if (now_.at >= s.until) {
    if (s.adopting) return session_was_lost("WireGuard said nothing of the remembered session");
    if (s.answered_by) return negotiate("the remembered path does not answer");
    return reconnect(1, "no answer through the tunnel", first_repair::renew);
  }
  if (s.probes.next() && now_.at >= *s.probes.next()) probe_next(s.probes);
}

void peer_connection::first_answer() {
  if (!connected_at_) connected_at_ = now_.wall;
  knows_us_ = true;
}

void peer_connection::report(verifying& s, const tunnel_report& answer) {
  switch (s.probes.settle(answer)) {
  case probe_series::verdict::measured:
    return come_up(answer.rtt, "the tunnel answers");
  case probe_series::verdict::proven:
    first_answer();
    return probe_next(s.probes);
  default:
    return;
  }
}

void peer_connection::come_up(nanoseconds rtt, std::string why) {
  first_answer();
  latency_ = rtt;
  slow_retry_.reset();
  const auto slow = rtt > health_.degraded_above;
  auto* m = up();
  monitored next;
  monitored::past since{now_.at, liveness_.checks()};
  if (m && m->check) since = {m->check->ends - health_.check_timeout, m->check->seen};
  m ? liveness_.alive(now_.at) : liveness_.settle();
  const auto confirm = slow && !in<degraded>() && initiator_ && path_ && path_->relay;
  if (confirm) rank(); // round trips may have moved since
  next.next_check = confirm ? now_.at + defaults::trial_confirm
                            : std::max(now_.at, since.at + health_.check_interval);
  if (!confirm) next.last = since;
  if (m && slow == (in<degraded>() != nullptr)) {
    *m = next;
    return;
  }
  if (!m && initiator_ && path_ && path_->relay && !punching_until_ && !punch_at_)
    punch_at_ = now_.at + punch_again_.next();
  if (slow)
    enter(degraded{next}, in_ms(rtt) + " is slow: " + why);
  else
    enter(connected{next}, std::move(why));
}

// --- health checks -------------------------------------------------------------------------------

/// The peer's check and our kernel's answer, which WireGuard's counters show, tell what a check of
/// our own would: the two ends of an idle pair take turns. What they cannot tell is how long it
/// takes, so we look ourselves at least every other time.
msg::time_point peer_connection::check_due(const monitored& m) const {
  const auto interval = health_.check_interval;
  constexpr auto margin = defaults::check_share_margin;
  const auto& seen = liveness_.checked();
  if (interval < defaults::check_share_from || !in<connected>() || !m.last) return m.next_check;
  if (seen && *seen - m.last->at > margin) // the peer's
    return std::max(m.next_check, std::min(*seen + interval, m.last->at + 2 * interval) - margin);
  // Two ends that check at the same moment do not see the other's in time: one has to go before.
  const auto both = liveness_.checks() - m.last->seen > 1;
  return both && initiator_ ? m.next_check - margin : m.next_check;
}

void peer_connection::check_now() {
  auto* m = up();
  if (!m || m->check) return;
  if (move_) { // when the move is over
    m->next_check = now_.at;
    m->last.reset();
  } else {
    start_check(*m);
  }
}

void peer_connection::begin_check(monitored& m) {
  ++counters_.checks;
  m.check = health_check{now_.at + health_.check_timeout, probe_series{}, now_.at};
  m.check->seen = liveness_.checks();
}

void peer_connection::start_check(monitored& m) {
  begin_check(m);
  probe_next(m.check->probes);
}

/// Something says that the path may be dead: look at once, at this path and at all others.
void peer_connection::doubt() {
  auto* m = up();
  if (!m || move_) return check_now();
  if (m->check && m->check->doubted) return;
  if (!m->check) begin_check(*m);
  burst(*m->check);
}

/// The peer doubts. That may be the echo of our own doubt, and two ends would go on for ever.
void peer_connection::doubt_told() {
  if (!told_from_ || now_.at - *told_from_ >= defaults::doubts_told_within) {
    told_from_ = now_.at;
    told_ = 0;
  }
  if (++told_ <= defaults::doubts_told_max) doubt();
}

void peer_connection::burst(health_check& check) {
  if (!std::exchange(check.doubted, true)) check.since = now_.at;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(check.ends - now_.at);
  ++check.burst;
  const auto last = check.burst >= defaults::doubt_probes;
  probe(check.probes, left, last ? defaults::verify_probe_interval : defaults::doubt_gap);
  if (check.burst == defaults::doubt_probes) {
    // What was measured last may have been another path, before a move to a longer one.
    const auto moved = here_.forecast(persistence_).samples == 0;
    const auto promised = path_ && (moved || !latency_) ? path_->rtt : nanoseconds::zero();
    const auto usual = std::max(latency_.value_or(nanoseconds::zero()), promised);
    check.dead_at = now_.at + usual + usual / 4 + defaults::doubt_margin;
    ask_for_relay();
  }
  learn_index();
  check_alternatives();
}

/// Whether the relay in use answers us, or the one that would take over from a direct path: when
/// that is silent, too, it may be UDP that is blocked, and a stream takes a second to be there.
void peer_connection::ask_for_relay() {
  if (!path_) return;
  if (path_->relay)
    say(msg::relay_trouble{path_->relay->relay});
  else if (!ranking_.empty())
    say(msg::relay_trouble{ranking_.front().relay});
}

/// The probes of a doubted path had their time, and another path answered: the first repair.
bool peer_connection::leave_dead_path(monitored& m) {
  const auto& check = *m.check;
  if (!check.dead_at || now_.at < *check.dead_at || move_) return false;
  const auto better = book_.alive_since(check.since, path_);
  if (!better) return false;
  ++counters_.lost;
  reconnect(1, "the path does not answer, another one does", first_repair::keep, better);
  return true;
}

void peer_connection::due_monitored(monitored& m) {
  if (!m.check) {
    if (move_) return;
    if (const auto at = liveness_.suspicious_at(); at && now_.at >= *at) return doubt();
    if (now_.at >= check_due(m)) start_check(m);
    return;
  }
  auto& probes = m.check->probes;
  if (now_.at >= m.check->over()) return check_over(m);
  if (leave_dead_path(m)) return;
  if (!probes.next() || now_.at < *probes.next()) return;
  // One lost packet is no lost check: ask again while the check lasts.
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(m.check->ends - now_.at);
  const auto patience = latency_
                            ? std::max<nanoseconds>(defaults::verify_probe_interval, 2 * *latency_)
                            : nanoseconds{defaults::verify_probe_interval};
  if (left > patience) return burst(*m.check);
  probes.stop();
  if (probes.out() == 0) check_over(m);
}

void peer_connection::report(monitored& m, const tunnel_report& answer) {
  if (!m.check) return;
  switch (m.check->probes.settle(answer)) {
  case probe_series::verdict::measured:
    return check_answered(m, answer.rtt);
  case probe_series::verdict::empty:
    break;
  default:
    return;
  }
  // An unmeasured probe may be followed by a measured one while the check lasts.
  if (m.check->probes.any_lost() || !m.check->probes.next()) check_over(m);
}

void peer_connection::check_over(monitored& m) {
  const auto lost = m.check->probes.any_lost();
  m.check.reset();
  m.last.reset();
  // Unmeasured, or on a path that is just being left: says nothing.
  m.next_check = now_.at + (move_ ? nanoseconds{0} : nanoseconds{defaults::repair_interval});
  if (!lost || move_) return;
  ++counters_.lost;
  reconnect(1, "a health check was lost", first_repair::keep);
}

void peer_connection::check_answered(monitored&, nanoseconds rtt) {
  const auto was_slow = in<degraded>() != nullptr;
  measured(rtt);
  come_up(rtt, was_slow ? "fast again" : "the tunnel answers");
  if (was_slow && in<degraded>()) maybe_trial(rtt);
}

// --- repairs -------------------------------------------------------------------------------------

void peer_connection::reconnect(int attempt, std::string why, first_repair how,
                                std::optional<path> target) {
  if (attempt == 1) ++counters_.reconnects;
  if (path_ && !path_->relay) direct_.reset(); // what failed is not proven any more
  reconnecting r;
  r.attempt = attempt;
  r.until = now_.at + defaults::repair_interval;
  r.probes = probe_series{health_.degraded_above};
  r.keeps = how == first_repair::keep && attempt == 1 && (target || !alternatives().empty());
  r.check_at = now_.at;
  r.unproven_at = now_.at + defaults::unproven_after;
  if (path_) r.tried.push_back(path_->where);
  r.target = target;
  enter(std::move(r), std::move(why));
  if (attempt == defaults::repair_attempts) { // start over
    find_record();
    if (initiator_) talk_.next_epoch();
    talk_.owe(now_.at);
    punch_soon();
    punching_until_.reset();
  }
  auto& now_in = *in<reconnecting>();
  if (now_in.keeps) keep_session(now_in);
  if (!initiator_)
    ask_for_repair(attempt);
  else if (!now_in.keeps)
    repair(std::move(target));
}

/// The initiator moves the session to a path that answers; the responder makes it look.
void peer_connection::keep_session(reconnecting& r) {
  r.check_at = now_.at + defaults::repair_check_gap;
  ask_for_relay();
  if (initiator_ && r.target && !move_) {
    start_move(*r.target, move_kind::urgent);
    r.target.reset();
  }
  probe(r.probes, health_.check_timeout, defaults::doubt_gap * 3);
  check_alternatives();
}

/// Nobody proves a path, perhaps because the other side's daemon is away: its WireGuard may live.
void peer_connection::try_unproven(reconnecting& r) {
  r.unproven_at = now_.at + defaults::unproven_after;
  if (move_) return;
  for (const auto& other : alternatives()) {
    if (std::find(r.tried.begin(), r.tried.end(), other.where) != r.tried.end()) continue;
    start_move(other, move_kind::urgent);
    move_->answered = true; // by nobody
    return;
  }
}

void peer_connection::repair(std::optional<path> target) {
  auto& r = *in<reconnecting>();
  if (!target) {
    target = repair_path(path_, ranking_, direct_);
    if (path_ && path_->relay) {
      say(msg::relay_trouble{path_->relay->relay});
      rank(); // for the next attempt, with the trouble known
    }
  }
  if (!target) return;
  if (path_ && path_->where != target->where) {
    ++counters_.path_changes;
    if (path_->relay && target->relay) ++counters_.relay_switches;
  }
  path_ = target;
  if (target->relay) last_relay_ = target->relay;
  r.target = target;
  r.asked = write(used(*target), true);
}

void peer_connection::ask_for_repair(int attempt) {
  if (path_ && path_->relay) say(msg::relay_trouble{path_->relay->relay});
  if (!ready_) { // asked for once WireGuard confirms
    if (base_asked_ == no_ticket) base_asked_ = write(base(), true);
    return;
  }
  signal(net::signal_kind::reset, asks_for_new_session(attempt));
}

void peer_connection::due(reconnecting& s) {
  if (now_.at >= s.until) {
    if (s.attempt < defaults::repair_attempts)
      return reconnect(s.attempt + 1, "no answer after repair " + std::to_string(s.attempt),
                       first_repair::renew);
    return fail(net::errc::connection_failed, "no answer after three repairs");
  }
  if (s.keeps && now_.at >= s.check_at) {
    s.check_at = now_.at + defaults::repair_check_gap;
    check_alternatives();
  }
  if (s.keeps && now_.at >= s.unproven_at) try_unproven(s);
  if (s.probes.next() && now_.at >= *s.probes.next()) probe_next(s.probes);
}

void peer_connection::report(reconnecting& s, const tunnel_report& answer) {
  switch (s.probes.settle(answer)) {
  case probe_series::verdict::measured:
    return come_up(answer.rtt, "repaired at attempt " + std::to_string(s.attempt));
  case probe_series::verdict::proven:
    first_answer();
    return probe_next(s.probes);
  default:
    return;
  }
}

} // namespace lanrage::actors
