#include "actors/peer/peer_connection.hpp"
#include "config/birthday_defaults.hpp"
#include "config/canary.hpp"

#include <utility>

/// How a connection finds its path: signals, offers, relays, punching, WireGuard's configuration.
namespace lanrage::actors {

namespace defaults = config::defaults;

// --- what the other side says --------------------------------------------------------------------

void peer_connection::on(const net::peer_signal& said) {
  if (in<closing>()) return;
  if (offline()) presence_ = presence::online; // it speaks
  switch (said.kind) {
  case net::signal_kind::offer:
  case net::signal_kind::punch: {
    const auto is_punch = said.kind == net::signal_kind::punch;
    if (is_punch && initiator_) return; // the initiator alone says when
    const auto news = talk_.hear(said, now_.at);
    birthday_news(birthday_.theirs(said.birthday));
    if (const auto* s = in<failed>(); s && !s->retry) { // it said bye or was offline, and is back
      slow_retry_.reset();
      discover("the peer asks to connect");
    } else if (news.any()) {
      hope("the peer has something new to offer");
    }
    heard(news);
    if (news.reply) {
      talk_.owe(now_.at);
      // A responder of another attempt was restarted: whether the session survived it is open.
      if (initiator_) check_now();
    }
    if (is_punch)
      say(msg::start_punch{record_.key, said.epoch, said.candidates, said.start_after,
                           birthday_.follow(said.birthday, now_.at)});
    return;
  }
  case net::signal_kind::reset:
    if (!initiator_) return;
    if (said.ready) talk_.heard_ready();
    hope("the peer asks for a new session");
    if (const auto* v = in<verifying>(); v && v->adopting && !path_)
      return negotiate("the peer lost the session");
    if (const auto* v = in<verifying>(); v && v->answered_by) return verify_again();
    if (said.ready && (alive() || in<trialling>() || in<verifying>()))
      return reconnect(1, "the peer lost the session", first_repair::renew, path_);
    return check_now();
  case net::signal_kind::bye:
    return closed_by_peer();
  }
}

void peer_connection::heard(const negotiation::news& news) {
  if (news.legs) rank();
  if (news.candidates) punch_soon();
}

void peer_connection::signal(net::signal_kind kind, bool ready) {
  say(msg::send_signal{record_.party, record_.key, talk_.signal(kind, ready)});
}

bool peer_connection::may_offer() const {
  // A responder has nothing to say before its WireGuard knows the peer.
  return started_ && !in<failed>() && !in<closing>() && !in<discovering>() &&
         (initiator_ || ready_);
}

void peer_connection::offer_if_due() {
  if (may_offer() && talk_.offer_at() && now_.at >= *talk_.offer_at())
    say(msg::send_signal{record_.party, record_.key, talk_.offer(now_.at, ready_)});
}

// --- what we know of ourselves -------------------------------------------------------------------

void peer_connection::on(const msg::own_paths& own) {
  const auto offers = birthday_.ours(own);
  if (talk_.own_birthday(own.birthday)) talk_.owe(now_.at);
  birthday_news(offers);
  if (!talk_.own_candidates(own.candidates)) return;
  ours_changed_ = now_.at;
  talk_.owe(now_.at);
  punch_soon();
  hope("our own addresses changed");
}

void peer_connection::on(const msg::own_legs& own) {
  if (std::exchange(streams_, own.streams) != own.streams) rank(); // relays are reached otherwise
  if (!talk_.own_legs(own.legs)) return;
  talk_.owe(now_.at);
  rank();
  hope("our own relays changed");
  if (alive() && path_ && path_->relay && !talk_.on_relay(path_->relay->relay)) check_now();
}

void peer_connection::on(const msg::network_changed& news) {
  ours_changed_ = now_.at;
  hope("the network changed");
  punch_soon();
  const auto session_over = handshake_ && now_.wall - *handshake_ >= defaults::session_lifetime;
  if (news.slept < defaults::sleep_noticed || !session_over || !alive()) return doubt();
  session_lost(); // WireGuard's keys did not outlive the sleep
  // Nor, perhaps, did NAT mappings and our registrations, so the first handshake may be lost, and
  // WireGuard itself repeats it after five seconds.
  if (auto* r = in<reconnecting>(); r && initiator_) r->until = now_.at + defaults::woken_repair;
}

// --- relays --------------------------------------------------------------------------------------

void peer_connection::rank() {
  if (in<closing>()) return;
  // Nobody goes there now, and a ranking may make us register with relays; negotiating asks anew.
  const auto* f = in<failed>();
  const auto idle = f && !f->retry;
  if (idle || talk_.own_legs().empty() || talk_.peer_legs().empty()) {
    ranking_.clear();
    rank_asked_ = no_ticket;
    return;
  }
  rank_asked_ = issue(msg::rank_relays{record_.key, talk_.peer_legs()});
}

void peer_connection::on(const relays_ranked& answer) {
  if (answer.asked != rank_asked_ || in<closing>()) return;
  rank_asked_ = no_ticket;
  ranking_ = answer.choices;
  follow_relay();
  if (path_ && path_->relay)
    for (const auto& choice : ranking_)
      if (choice.address == path_->where) path_ = through(choice); // as far as it is now
  // An address that looked like the peer's own may turn out to be a relay's.
  if (path_ && !path_->relay) path_ = attributed(path_->where);
  reconsider();
}

path peer_connection::attributed(const net::endpoint& where) const {
  if (path_ && path_->relay && path_->where == where) return *path_;
  // Also by UDP to a relay that a stream reaches: WireGuard follows its packets before we do.
  const auto known = [&](msg::relay_choice relay) -> std::optional<path> {
    if (relay.address != where && relay.streamed_from != where) return std::nullopt;
    if (relay.address != where) relay.streamed_from.reset();
    relay.address = where;
    return through(relay);
  };
  for (const auto& relay : ranking_)
    if (const auto found = known(relay)) return *found;
  if (last_relay_)
    if (const auto found = known(*last_relay_)) return *found;
  const auto proven = path_ && path_->where == where && !path_->guessed;
  return path{where, std::nullopt, {}, !proven};
}

/// An address that we found in WireGuard may be that of a relay that we have not heard of.
bool peer_connection::is_doubtful(const path& found) const {
  return found.guessed && !came_from(found.where);
}

// --- progress ------------------------------------------------------------------------------------

void peer_connection::progress() {
  follow_move();
  advance_move();
  warm_up();
  if (!initiator_) return;
  watch_traffic();
  // A new session's first answer is not waited for. WireGuard takes the responder along.
  const auto* v = in<verifying>();
  const auto has_session = up() || (v && !v->adopting && !v->answered_by);
  if (has_session && !move_ && direct_ && path_ && path_->where != direct_->where &&
      against(direct_->where).empty())
    start_move(*direct_, v ? move_kind::opening : move_kind::planned);
  if (in<negotiating>() && talk_.peer_ready()) {
    if (direct_) {
      say(msg::nominate_path{record_.key, talk_.epoch(), direct_->where});
      configure(*direct_);
    } else if (!ranking_.empty()) {
      configure(through(ranking_.front()));
    }
  } else if (in<negotiating>()) {
    try_remembered();
  }
  hurry_remembered();
  const auto* r = in<reconnecting>();
  if (r && r->attempt == defaults::repair_attempts && direct_ && talk_.peer_ready() &&
      !(path_ && path_->where == direct_->where)) {
    say(msg::nominate_path{record_.key, talk_.epoch(), direct_->where});
    repair(direct_);
  }
  if (punch_at_ && now_.at >= *punch_at_) punch();
}

void peer_connection::configure(const path& target) {
  talk_.stop_repeating();
  path_ = target;
  if (target.relay) last_relay_ = target.relay;
  // WireGuard that was handed a packet while the peer had no endpoint waits five seconds with its
  // next handshake (RekeyTimeout): a peer that is new to it starts at once.
  const auto anew = initiator_ && configured_ == base();
  const auto asked = write(used(target), anew);
  enter(configuring{target, asked, now_.at + defaults::configure_deadline},
        target.relay ? "going through " + target.relay->name : "going direct");
}

void peer_connection::due(configuring& s) {
  if (now_.at >= s.until) reconnect(1, "WireGuard did not confirm in time", first_repair::renew);
}

// --- WireGuard's configuration -------------------------------------------------------------------

msg::wg_peer peer_connection::base() const {
  return {record_.key, record_.address, std::nullopt, false};
}

msg::wg_peer peer_connection::used(const path& target) const {
  // A responder leaves the endpoint to WireGuard, which learns it from the initiator's packets.
  auto peer = base();
  if (initiator_) peer.where = target.where;
  peer.keepalive = true;
  return peer;
}

ticket peer_connection::write(const msg::wg_peer& peer, bool anew) {
  configured_ = peer;
  return anew ? issue(msg::reset_peer{peer}) : issue(msg::set_peer{peer});
}

void peer_connection::configure_base() {
  if (configured_ && *configured_ != base()) return fall_silent();
  if (!configured_ || !ready_) base_asked_ = write(base(), false);
}

void peer_connection::fall_silent() {
  if (!configured_ || *configured_ == base()) return;
  ready_ = false;
  base_asked_ = write(base(), true);
}

void peer_connection::on(const write_done& answer) {
  const auto ok = !answer.refused;
  if (answer.asked == base_asked_ && base_asked_ != no_ticket) {
    base_asked_ = no_ticket;
    if (!ok) return; // repeated with the next offer or repair
    ready_ = true;
    if (const auto* f = in<failed>(); f && f->by_peer()) return; // it said bye: not expected
    say(msg::expect_peer{record_.key, true});
    talk_.owe(now_.at);
    if (!initiator_ && in<reconnecting>()) signal(net::signal_kind::reset, true);
    tell_lost();
    return;
  }
  if (auto* c = in<configuring>(); c && c->asked == answer.asked) {
    if (!ok) return reconnect(1, "WireGuard refused the peer", first_repair::renew);
    ready_ = true;
    return c->unasked ? verify_remembered() : verify("waiting for the first answer");
  }
  if (auto* r = in<reconnecting>(); r && r->asked == answer.asked) {
    r->asked = no_ticket;
    return probe_next(r->probes); // it may be there although WireGuard did not confirm
  }
  if (auto* c = in<closing>(); c && c->asked == answer.asked && ok) {
    c->done = true;
    reason_ = "disconnected";
    if (config::planted(config::canary::write_after_disconnect)) write(base(), false);
  }
}

// --- punching ------------------------------------------------------------------------------------

void peer_connection::punch_soon() {
  if (!initiator_ || in<failed>() || in<closing>() || in<discovering>()) return;
  punch_again_.reset();
  punch_at_ = now_.at;
}

/// Direct over IPv4 where IPv6 might be as short: that is looked for, too (nat says when it is).
bool peer_connection::ipv6_may_come() const {
  return path_ && !path_->relay && path_->where.address.is_v4() && talk_.both_on_ipv6();
}

void peer_connection::punch() {
  const auto* r = in<reconnecting>();
  const auto* v = in<verifying>();
  const auto state_allows = in<negotiating>() || in<configuring>() || (v && !v->adopting) ||
                            alive() || (r && r->attempt == defaults::repair_attempts);
  const auto is_best = path_ && !path_->relay && !ipv6_may_come() && !r;
  // Found already, and taken as soon as the session answers.
  const auto found = direct_ && v;
  if (!state_allows || is_best || found || punching_until_ || move_ || !talk_.can_punch()) return;
  if (!talk_.seen_from_outside() && now_.at < *punch_at_ + defaults::punch_hold) return;
  if (talk_.candidates_aged(now_.at)) talk_.owe(now_.at); // its answer tells them anew
  if (talk_.candidates_lapsed(now_.at)) {
    punch_at_.reset();
    return punch_ended();
  }
  if (punched_epoch_ == talk_.epoch()) talk_.next_epoch();
  punched_epoch_ = talk_.epoch();
  direct_.reset();
  punch_at_.reset();
  const auto is_direct = alive() && path_ && !path_->relay;
  const auto birthday = is_direct ? std::nullopt : birthday_.propose(now_.at);
  const auto said = birthday ? std::optional{birthday->say} : std::nullopt;
  say(msg::send_signal{record_.party, record_.key, talk_.punch(ready_, said)});
  const auto after = talk_.punch_after();
  msg::start_punch order{record_.key, talk_.epoch(), talk_.peer_candidates(), after};
  if (birthday) order.birthday = birthday->plan;
  say(order);
  // nat reports the end itself; this is for the case that it cannot.
  punching_until_ = now_.at + after + 2 * defaults::punch_deadline;
  if (birthday) *punching_until_ += defaults::birthday_deadline;
}

void peer_connection::punch_ended() {
  punching_until_.reset();
  if (initiator_ && !punch_at_) punch_at_ = now_.at + punch_again_.next();
}

// --- WireGuard's own signals ---------------------------------------------------------------------

void peer_connection::on(const msg::wg_signal& seen) {
  if (in<closing>()) return;
  const auto handshake = seen.latest_handshake && seen.latest_handshake != handshake_;
  const auto received = seen.rx > rx_;
  const auto session =
      seen.latest_handshake && now_.wall - *seen.latest_handshake < defaults::session_lifetime;
  rx_ = seen.rx;
  if (handshake) {
    index_.reset();
    warm_ = false;
    const auto age = now_.wall - *seen.latest_handshake;
    if (!initiator_)
      rekey_late_at_ = now_.at + std::clamp<std::chrono::nanoseconds>(defaults::rekey_late - age,
                                                                      {}, defaults::rekey_late);
  }
  handshake_ = seen.latest_handshake;
  liveness_.look(seen.rx, seen.tx, now_.at, handshake);
  if (seen.session_lost) return session_lost();
  if (const auto* v = in<verifying>(); v && v->adopting) return adopt(seen);

  const auto ours = move_ || in<trialling>() || in<configuring>();
  if (seen.where && seen.roamed && !ours && path_ && path_->where != *seen.where) {
    use(attributed(*seen.where));
    reason_ = "WireGuard followed its packets to " +
              (path_->relay ? path_->relay->name : std::string{"the direct path"});
  }
  if (move_ && seen.where == move_->target.where) show_opening();
  if (handshake && session) return session_seen(seen);
  auto* r = in<reconnecting>();
  if (r && !initiator_ && received && configured_ && configured_->keepalive && !r->probes.out())
    probe_next(r->probes); // the old session carries packets again
}

void peer_connection::session_seen(const msg::wg_signal& seen) {
  const auto* f = in<failed>();
  auto* r = in<reconnecting>();
  if (!in<negotiating>() && !(f && !f->by_peer()) && !(r && !initiator_)) return;
  if (seen.where) path_ = attributed(*seen.where);
  if (!path_) return;
  if (path_->relay) last_relay_ = path_->relay;
  if (!configured_ || !configured_->keepalive) write(used(*path_), false);
  ready_ = true;
  tell_lost_ = false;
  if (r) return probe_next(r->probes);
  talk_.stop_repeating();
  verify("WireGuard has a session");
  if (ranking_.empty()) rank();
}

void peer_connection::session_lost() {
  const auto* v = in<verifying>();
  if (in<negotiating>() || (v && v->adopting)) {
    configured_.reset();
    ready_ = false;
    if (v) return session_was_lost("WireGuard was started anew");
    return configure_base();
  }
  if (in<failed>() || in<discovering>()) return;
  if (initiator_) return reconnect(1, "WireGuard was started anew", first_repair::renew, path_);
  ask_for_session("WireGuard was started anew");
}

/// Responder: has none, and says so once WireGuard knows the peer.
void peer_connection::ask_for_session(std::string why) {
  ready_ = false;
  base_asked_ = write(base(), true);
  reconnect(1, std::move(why), first_repair::renew);
}

/// A calendar that was set back makes WireGuard refuse its owner's handshakes as old ones
/// (WireGuard paper 5.1), for as long as it was ahead, and the session ends. Made anew, ours has
/// seen none.
void peer_connection::renew_late_session() {
  if (!rekey_late_at_ || now_.at < *rekey_late_at_ || !up()) return;
  rekey_late_at_.reset();
  ask_for_session("the session was not renewed in time");
}

} // namespace lanrage::actors
