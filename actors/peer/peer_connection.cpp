#include "actors/peer/peer_connection.hpp"

#include "config/canary.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

/// The life of a connection: the door, discovery, failure, closing, timers and the view.
namespace lanrage::actors {

namespace defaults = config::defaults;

peer_connection::peer_connection(const net::wg_public_key& own, msg::saved_peer saved,
                                 config::health_settings health)
    : own_(own), initiator_(net::is_initiator(own, saved.record.key) ||
                            config::planted(config::canary::both_initiate)),
      health_(health), record_(std::move(saved.record)),
      presence_(saved.away ? presence::offline : presence::unknown), wanted_(saved.wanted),
      configured_(saved.configured), connected_at_(saved.connected_at), counters_(saved.counters),
      talk_(initiator_, saved.epoch) {
  talk_.record(record_, std::nullopt, {});
  // The relay in use is known by its address before the first ranking is there.
  last_relay_ = saved.relay;
  // Also before its first answer: the last daemon may have ended then.
  adoptable_ = configured_ && configured_->keepalive;
  knows_us_ = saved.knows_us || (adoptable_ && saved.connected_at);
  may_start_unasked_ = knows_us_ && initiator_;
  if (adoptable_ && saved.relay)
    path_ = through(*saved.relay);
  else if (adoptable_ && configured_->where)
    path_ = attributed(*configured_->where);
  was_direct_at_ = saved.direct_at;
  if (path_ && path_->where == was_direct_at_) path_->guessed = false;
}

effects peer_connection::handle(const event& what, moment now) {
  now_ = now;
  if (!gone()) {
    on(started{});
    std::visit([this](const auto& e) { on(e); }, what);
    progress();
    release_left();
    offer_if_due();
    announce_changes();
  }
  return std::exchange(out_, {});
}

void peer_connection::enter(state next, std::string why) {
  const auto to = phase_of(next);
  if (!legal(phase(), to))
    throw std::logic_error("peer_connection: no way from " + std::string(to_string(phase())) +
                           " to " + std::string(to_string(to)) + " (" + why + ")");
  state_ = std::move(next);
  reason_ = std::move(why);
  ++epoch_;
  const auto* r = in<reconnecting>();
  if (!alive() && !(r && r->keeps)) move_.reset();
  const auto eager = !initiator_ && (to == msg::phase::negotiating || to == msg::phase::verifying ||
                                     to == msg::phase::reconnecting);
  if (eager != watching_eagerly_ && to != msg::phase::closing) {
    watching_eagerly_ = eager;
    say(msg::watch_peer{record_.key, eager});
  }
}

ticket peer_connection::issue(decltype(effect::what) what) {
  const ticket asked{++last_ticket_};
  out_.push_back({asked, std::move(what)});
  return asked;
}

void peer_connection::say(decltype(effect::what) what) {
  out_.push_back({no_ticket, std::move(what)});
}

// --- start and discovery -------------------------------------------------------------------------

void peer_connection::on(const started&) {
  if (std::exchange(started_, true)) return;
  ready_ = adoptable_;
  say(msg::expect_peer{record_.key, ready_});
  say(msg::watch_peer{record_.key, false});
  if (adoptable_) {
    state_ =
        verifying{now_.at + defaults::verify_deadline, probe_series{health_.degraded_above}, true};
    reason_ = "continuing the session WireGuard has";
    ++epoch_;
  } else if (record_.address.leased()) {
    negotiate("record remembered");
  } else {
    state_ = discovering{no_ticket, now_.at + defaults::discover_deadline};
    reason_ = "looking for the peer";
    ++epoch_;
    find_record();
  }
}

void peer_connection::find_record() {
  find_asked_ = issue(msg::find_peer{to_string(record_.party), record_.id});
}

void peer_connection::discover(std::string why) {
  enter(discovering{no_ticket, now_.at + defaults::discover_deadline}, std::move(why));
  find_record();
}

void peer_connection::on(const record_found& answer) {
  if (answer.asked != find_asked_) return;
  find_asked_ = no_ticket;
  if (answer.found) {
    // The name is somebody else's now, or its owner replaced the key: this one's record has gone.
    if (answer.found->record.key != record_.key) return on(record_gone{});
    learn(*answer.found);
    if (offline()) return went_offline();
  }
  if (!in<discovering>()) return;
  if (answer.found) return negotiate("record found");
  const auto why = answer.found.error().code;
  if (why == net::errc::peer_not_found || why == net::errc::party_not_found)
    return fail(net::errc::peer_not_found, answer.found.error().detail);
  // The directory is away; what was known last time may still be true.
  if (record_.address.leased()) return negotiate("directory silent, using the remembered record");
  fail(net::errc::peer_not_found, "the directory did not answer");
}

void peer_connection::due(discovering& s) {
  if (now_.at < s.until) return;
  if (offline()) return wait_for_presence();
  on(record_found{find_asked_, net::fail(net::errc::timed_out)});
}

void peer_connection::on(const record_gone&) {
  if (!in<closing>()) close(false);
}

// --- negotiating ---------------------------------------------------------------------------------

void peer_connection::negotiate(std::string why) {
  if (offline()) return wait_for_presence();
  if (initiator_) talk_.next_epoch();
  direct_.reset();
  path_.reset();
  punching_until_.reset();
  enter(negotiating{now_.at + defaults::negotiate_deadline}, std::move(why));
  configure_base();
  if (ready_) say(msg::expect_peer{record_.key, true});
  rank();
  punch_at_ = now_.at;
  talk_.stop_repeating();
  talk_.repeat(now_.at);
  talk_.owe(now_.at);
}

void peer_connection::due(negotiating& s) {
  if (now_.at < s.until) return;
  if (!ready_) return fail(net::errc::wg_refused, "WireGuard did not take the peer");
  if (!talk_.peer_ready())
    return fail(net::errc::connection_failed, "the peer did not answer our offer");
  if (initiator_ && ranking_.empty())
    return fail(net::errc::relay_unavailable, "no direct path and no relay in common");
  fail(net::errc::connection_failed, "no handshake from the peer");
}

// --- failing, hoping, closing --------------------------------------------------------------------

void peer_connection::fail(net::errc why, std::string text) {
  const auto no_answer = why == net::errc::connection_failed || why == net::errc::relay_unavailable;
  if (no_answer && offline()) return wait_for_presence();
  talk_.forget_ready();
  talk_.stop_repeating();
  connected_at_.reset();
  latency_.reset();
  punching_until_.reset();
  punch_at_.reset();
  enter(failed{why, now_.at + slow_retry_.next()}, std::move(text));
  // A responder that keeps an endpoint would start handshakes against the initiator's.
  if (!initiator_) fall_silent();
}

void peer_connection::closed_by_peer() {
  if (in<closing>()) return;
  knows_us_ = may_start_unasked_ = false;
  talk_.forget_ready();
  talk_.stop_repeating();
  connected_at_.reset();
  latency_.reset();
  path_.reset();
  punching_until_.reset();
  punch_at_.reset();
  enter(failed{net::errc::closed, std::nullopt}, "the peer disconnected");
  say(msg::forget_peer{record_.key});
  fall_silent();
}

void peer_connection::hope(std::string why) {
  const auto* s = in<failed>();
  if (!s || s->by_peer() || offline()) return;
  slow_retry_.reset();
  discover(std::move(why));
}

void peer_connection::due(failed& s) {
  if (s.retry && now_.at >= *s.retry) discover("trying again");
}

void peer_connection::on(const user_connect&) {
  wanted_ = true;
  asked_until_ = now_.at + defaults::discover_deadline;
  if (!in<failed>()) return;
  slow_retry_.reset();
  discover("asked to connect"); // an offline peer may come while it lasts
}

void peer_connection::on(const msg::close_peer& how) {
  wanted_ = false;
  if (!in<closing>()) close(how.tell);
}

void peer_connection::close(bool tell) {
  if (tell) signal(net::signal_kind::bye, false);
  say(msg::forget_peer{record_.key});
  say(msg::unwatch_peer{record_.key});
  enter(closing{no_ticket, now_.at + defaults::configure_deadline}, "disconnecting");
  in<closing>()->asked = issue(msg::remove_peer{record_.key});
  configured_.reset();
  ready_ = false;
  path_.reset();
  latency_.reset();
  connected_at_.reset();
  base_asked_ = no_ticket;
}

void peer_connection::due(closing& s) {
  if (s.done || now_.at < s.until) return;
  if (s.tries >= defaults::wg_retries) {
    s.done = true;
    reason_ = "WireGuard did not confirm the removal";
    return;
  }
  ++s.tries;
  s.until = now_.at + defaults::configure_deadline;
  s.asked = issue(msg::remove_peer{record_.key});
}

bool peer_connection::gone() const {
  const auto* s = in<closing>();
  return s && s->done;
}

// --- time ----------------------------------------------------------------------------------------

void peer_connection::on(const wake& woken) {
  if (woken.epoch != epoch_) {
    if (!config::planted(config::canary::stale_timer)) return;
    if (auto* r = in<reconnecting>()) r->until = now_.at;
  }
  if (talk_.again_at() && now_.at >= *talk_.again_at()) {
    if (in<negotiating>()) {
      if (!ready_) configure_base();
      talk_.owe(now_.at);
      talk_.repeat(now_.at);
    } else {
      talk_.stop_repeating();
    }
  }
  if (punching_until_ && now_.at >= *punching_until_) punch_ended();
  upkeep();
  renew_late_session();
  std::visit([this](auto& s) { due(s); }, state_);
}

namespace {
struct earliest {
  std::optional<deadline> best;
  void consider(const std::optional<msg::time_point>& at, wake_reason why) {
    if (at && (!best || *at < best->at)) best = deadline{*at, why, 0};
  }
};
void gather(earliest& e, const discovering& s) {
  e.consider(s.until, wake_reason::deadline);
}
void gather(earliest& e, const negotiating& s) {
  e.consider(s.until, wake_reason::deadline);
}
void gather(earliest& e, const configuring& s) {
  e.consider(s.until, wake_reason::deadline);
}
void gather(earliest& e, const verifying& s) {
  e.consider(s.until, wake_reason::deadline);
  e.consider(s.probes.next(), wake_reason::probe);
}
void gather(earliest& e, const monitored& s) {
  if (s.check) {
    e.consider(s.check->probes.next(), wake_reason::probe);
    e.consider(s.check->over(), wake_reason::check);
  }
}
void gather(earliest& e, const trialling& s) {
  e.consider(s.until, wake_reason::deadline);
  e.consider(s.probes.next(), wake_reason::probe);
}
void gather(earliest& e, const reconnecting& s) {
  e.consider(s.until, wake_reason::deadline);
  e.consider(s.probes.next(), wake_reason::probe);
  if (!s.keeps) return;
  e.consider(s.check_at, wake_reason::path);
  e.consider(s.unproven_at, wake_reason::path);
}
void gather(earliest& e, const failed& s) {
  e.consider(s.retry, wake_reason::retry);
}
void gather(earliest& e, const closing& s) {
  if (!s.done) e.consider(s.until, wake_reason::deadline);
}
} // namespace

std::optional<deadline> peer_connection::wake_at() const {
  earliest e;
  std::visit([&](const auto& s) { gather(e, s); }, state_);
  if (!in<closing>() && !in<failed>() && started_) {
    if (may_offer()) e.consider(talk_.offer_at(), wake_reason::offer);
    e.consider(talk_.again_at(), wake_reason::offer);
    e.consider(punching_until_, wake_reason::punch);
    // A turn that has come waits to be seen from outside, then for something else than time.
    if (punch_at_) {
      const auto turn = *punch_at_ > now_.at ? *punch_at_ : *punch_at_ + defaults::punch_hold;
      if (turn > now_.at) e.consider(turn, wake_reason::punch);
    }
    e.consider(upkeep_at_, wake_reason::path);
    if (up()) e.consider(watch_at_, wake_reason::path);
    if (move_) e.consider(move_->next(), wake_reason::path);
  }
  if (const auto* m = up(); m && !m->check && !move_) {
    e.consider(check_due(*m), wake_reason::check);
    e.consider(liveness_.suspicious_at(), wake_reason::probe);
    e.consider(rekey_late_at_, wake_reason::deadline);
  }
  if (const auto* m = up(); m && m->check && m->check->dead_at && *m->check->dead_at > now_.at)
    e.consider(m->check->dead_at, wake_reason::check);
  if (e.best) e.best->epoch = epoch_;
  return e.best;
}

// --- what the outside sees -----------------------------------------------------------------------

msg::connection_view peer_connection::view() const {
  msg::connection_view out;
  out.party = record_.party;
  out.id = record_.id;
  out.key = record_.key;
  out.address = record_.address;
  if (path_) {
    out.where = path_->where;
    if (!is_doubtful(*path_)) out.how = strategy_of(*path_);
    if (path_->relay) out.relay = path_->relay->name;
    out.streamed = path_->relay && path_->relay->streamed_from;
  }
  out.latency = latency_;
  out.connected_at = connected_at_;
  out.at = phase();
  out.is = msg::status_of(out.at, latency_ && *latency_ > health_.degraded_above);
  out.reason = reason_;
  if (const auto* s = in<failed>()) out.error = s->why;
  out.counters = counters_;
  return out;
}

msg::saved_peer peer_connection::saved() const {
  msg::saved_peer out;
  out.record = record_;
  out.configured = configured_;
  if (path_ && connected_at_) {
    if (!is_doubtful(*path_)) out.how = strategy_of(*path_);
    if (out.how == msg::strategy::direct) out.direct_at = path_->where;
    out.relay = path_->relay;
  }
  out.connected_at = connected_at_;
  out.epoch = talk_.epoch();
  out.counters = counters_;
  out.wanted = wanted_;
  out.knows_us = knows_us_;
  out.away = offline();
  return out;
}

void peer_connection::announce_changes() {
  auto seen = view();
  auto kept = saved();
  const auto same_view = announced_view_ && *announced_view_ == seen;
  const auto same_saved = announced_saved_ && *announced_saved_ == kept;
  const auto same_rest = announced_rest_ == rests();
  if (!gone() && same_view && same_saved && same_rest) return;
  if (!same_view) announced_view_ = std::move(seen);
  if (!same_saved) announced_saved_ = std::move(kept);
  say(msg::peer_update{announced_view_, announced_saved_, gone(), announced_rest_ = rests()});
}

} // namespace lanrage::actors
