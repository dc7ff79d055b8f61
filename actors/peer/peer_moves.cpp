#include "actors/peer/peer_connection.hpp"

#include <algorithm>
#include <utility>

/// Which paths live, and how a living session goes from one to another (path_move.hpp).
namespace lanrage::actors {

namespace defaults = config::defaults;

// --- checks --------------------------------------------------------------------------------------

std::vector<path> peer_connection::alternatives() const {
  std::vector<path> out;
  const auto add = [&](const path& one) {
    if (!path_ || path_->where != one.where) out.push_back(one);
  };
  if (direct_before_) add(*direct_before_);
  for (const auto& relay : ranking_)
    if (out.size() <= defaults::relays_registered) add(through(relay));
  return out;
}

void peer_connection::check(const path& over, bool doubt, std::uint32_t move) {
  const auto number = book_.ask(over, now_.at);
  if (move != 0 && move_) move_->tell(number, now_.at);
  say(msg::check_path{record_.key, number, over.where, move, doubt,
                      move != 0 && move_ && !move_->urgent()});
}

void peer_connection::check_alternatives() {
  for (const auto& other : alternatives())
    check(other, true);
}

void peer_connection::on(const msg::path_event& news) {
  if (in<closing>()) return;
  if (news.news == msg::path_news::checked) return path_checked(news);
  if (news.news == msg::path_news::asked) return path_asked(news);
  if (news.epoch != talk_.epoch()) return;
  birthday_ended(news);
  if (news.peer_ready) talk_.heard_ready();
  switch (news.news) {
  case msg::path_news::proven:
    if (!initiator_) return;
    punching_until_.reset();
    judge_leaving(news.where);
    // Another way over IPv4 is no reason to leave the one that carries the session.
    if (alive() && ipv6_may_come() && news.where.address.is_v4()) return punch_ended();
    direct_ = path{news.where, std::nullopt, news.rtt};
    return;
  case msg::path_news::nominated:
    if (!initiator_) direct_ = path{news.where, std::nullopt, news.rtt};
    return;
  default:
    if (initiator_ && !move_) punch_ended();
    return;
  }
}

void peer_connection::path_checked(const msg::path_event& news) {
  const auto* known = book_.answer(news.epoch, news.rtt, now_.at);
  if (!known) return;
  if (move_ && move_->heard(news.epoch)) move_->target.rtt = known->what.rtt;
  judge_leaving(known->what.where);
  if (auto* m = up()) {
    if (m->check && leave_dead_path(*m)) return;
    if (!initiator_ || move_ || !path_) return;
    if (!path_->relay) return checked_beside(*known);
    if (known->what.relay) return;
    // The direct path is back. Once it was lost, one answer is not enough.
    if (known->in_a_row >= defaults::direct_checks)
      direct_ = known->what; // and taken unless something speaks against it
    else
      check(known->what, false);
    return;
  }
  auto* r = in<reconnecting>();
  if (!r || !r->keeps || !initiator_ || move_) return;
  const auto& where = known->what.where;
  if (std::find(r->tried.begin(), r->tried.end(), where) == r->tried.end())
    start_move(known->what, move_kind::urgent);
}

/// Whether an address is the peer's own, as far as its candidates tell.
bool peer_connection::came_from(const net::endpoint& where) const {
  const auto& theirs = talk_.peer_candidates();
  return std::any_of(theirs.begin(), theirs.end(),
                     [&](const auto& each) { return each.address.address == where.address; });
}

/// The peer checks a direct path, perhaps one that we forgot in a restart: so do we.
void peer_connection::direct_asked(const path& over) {
  direct_before_ = over;
  if (!alive() || !path_ || !path_->relay) return;
  if (!relayed_since_)
    relayed_since_ = now_.at;
  else if (upkept_ && now_.at - *upkept_ < defaults::direct_check_gap)
    return; // theirs answers ours, perhaps
  upkeep_at_ = now_.at;
}

/// Responder: goes where the initiator asked, as soon as it has a session to move. The initiator's
/// tunnel answers half a round trip before ours does.
void peer_connection::follow_move() {
  if (!asked_move_) return;
  const auto* r = in<reconnecting>();
  const auto* v = in<verifying>();
  if (!alive() && !in<trialling>() && !(r && r->keeps) && !(v && !v->adopting)) return;
  const auto asked = *std::exchange(asked_move_, std::nullopt);
  if (asked.number <= last_move_ || now_.at - asked.at >= defaults::move_deadline) return;
  move_.reset();
  start_move(asked.over, asked.urgent ? move_kind::urgent : move_kind::planned, asked.number);
}

void peer_connection::path_asked(const msg::path_event& news) {
  auto over = attributed(news.where);
  if (const auto* known = book_.find(news.where)) over.rtt = known->what.rtt;
  if (!over.relay && came_from(news.where)) direct_asked(over);
  if (news.epoch != 0 && initiator_) {
    if (move_ && move_->number == news.epoch && move_->target.where == news.where)
      move_->told = true;
  } else if (news.epoch != 0) {
    asked_move_ = asked_move{over, news.epoch, news.doubt, now_.at};
    follow_move();
  }
  if (news.doubt) doubt_told();
}

// --- a session's index ---------------------------------------------------------------------------

/// Relays do not know the session of a pair that shook hands directly. Our packets show its index,
/// unless the address may be a relay's: then they may be another peer's.
void peer_connection::learn_index() {
  if (!path_ || path_->relay || is_doubtful(*path_) || index_ || learn_asked_ != no_ticket) return;
  learn_asked_ = issue(msg::learn_index{path_->where, defaults::learn_deadline});
}

void peer_connection::on(const index_learned& answer) {
  if (answer.asked != learn_asked_) return;
  learn_asked_ = no_ticket;
  index_ = answer.index;
  if (move_ && move_->target.relay && !move_->prepared) prepare();
}

/// The relay is told of the session before it carries it.
void peer_connection::prepare() {
  move_->preparing = issue(msg::prepare_relay{move_->target.relay->relay, record_.key, index_});
}

/// The relay that would take over is told of every new session: when it has to, nobody may be left
/// to ask.
void peer_connection::warm_up() {
  if (warm_ || move_ || !up() || !path_ || !path_->relay) return;
  for (const auto& next : ranking_) {
    if (next.address == path_->where) continue;
    warm_ = true;
    issue(msg::prepare_relay{next.relay, record_.key, std::nullopt, false});
    return;
  }
}

void peer_connection::on(const relay_prepared& answer) {
  if (!move_ || move_->preparing != answer.asked || answer.asked == no_ticket) return;
  move_->preparing = no_ticket;
  move_->prepared = true; // if not, the relay will ask for what it does not know
}

// --- moving a living session ---------------------------------------------------------------------

void peer_connection::start_move(const path& target, move_kind kind,
                                 std::optional<std::uint32_t> number) {
  // Counted by the calendar, so that a restart does not begin anew.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now_.wall).count();
  last_move_ = number.value_or(std::max(last_move_ + 1, static_cast<std::uint32_t>(seconds)));
  move_.emplace(target, last_move_, initiator_, kind, now_.at);
  move_->from = path_;
  if (target.relay) {
    learn_index();
    const auto waits = learn_asked_ != no_ticket && !move_->urgent();
    // A packet whose index can be seen.
    if (waits)
      issue(msg::probe_tunnel{record_.address, health_.check_timeout});
    else
      prepare();
  }
  advance_move();
}

/// What is due of it: telling it, asserting it, giving it up.
void peer_connection::advance_move() {
  if (!move_) return;
  if (now_.at >= move_->until) return end_move(false);
  if (move_->tell_due(now_.at)) check(move_->target, move_->urgent(), move_->number);
  if (!move_->assert_due()) return;
  // What is under way on the old path calls WireGuard back: one that looked dead may only have got
  // slow, and over the one that opens the session its handshake is answered.
  std::chrono::nanoseconds rtt = move_->target.rtt;
  if (move_->urgent()) rtt = std::max<std::chrono::nanoseconds>(rtt, defaults::slow_path_rtt);
  if (move_->kind == move_kind::opening) rtt = std::max(rtt, move_->from->rtt);
  move_->asserting = issue(msg::assert_endpoint{record_.key, move_->target.where, rtt});
  move_->until = now_.at + defaults::assert_deadline + defaults::configure_deadline;
  if (move_->kind == move_kind::planned) return;
  use(move_->target);
  if (auto* r = in<reconnecting>()) {
    r->tried.push_back(move_->target.where);
    r->unproven_at = now_.at + defaults::unproven_after;
    probe(r->probes, health_.check_timeout, defaults::doubt_gap * 3);
  }
}

/// WireGuard of the other end follows packets, and those that answer its own go where its own came
/// from: one of ours is needed, just after the endpoint was written.
void peer_connection::show_opening() {
  auto* v = in<verifying>();
  if (v && move_->kind == move_kind::opening && move_->asserting != no_ticket)
    probe_next(v->probes);
}

void peer_connection::on(const move_done& answer) {
  if (!move_ || move_->asserting != answer.asked || answer.asked == no_ticket) return;
  end_move(answer.landed);
}

void peer_connection::end_move(bool landed) {
  const auto moved = *move_;
  move_.reset();
  const auto name = moved.target.relay ? moved.target.relay->name : std::string{"the direct path"};
  const auto reason = landed ? "moved to " + name : name + " did not hold";
  if (landed) {
    use(moved.target);
    if (initiator_ && configured_) configured_->where = moved.target.where;
  } else if (moved.kind != move_kind::planned && moved.from) {
    use(*moved.from);
  }
  // A better one may have been proven meanwhile.
  if (direct_ && direct_->where == moved.target.where) direct_.reset();
  if (auto* t = in<trialling>()) return trial_moved(*t, landed);
  follow_relay(); // it may have been reached otherwise meanwhile
  if (!up()) return;
  reason_ = reason;
  if (!landed && !moved.target.relay) punch_ended();
  check_now();
}

void peer_connection::use(const path& now_on) {
  if (path_ && path_->where != now_on.where) {
    ++counters_.path_changes;
    if (path_->relay && now_on.relay) ++counters_.relay_switches;
    if (!path_->relay) lost_direct();
    here_ = {};
    warm_ = false;
    const auto* known = book_.find(now_on.where);
    watched_from_ = known ? known->sent : 0;
  }
  path_ = now_on;
  liveness_.settle();
  if (now_on.relay) {
    last_relay_ = now_on.relay;
  } else {
    direct_before_ = now_on;
    relayed_since_.reset();
    upkeep_at_.reset();
    punch_at_.reset();
    punch_again_.reset();
    if (initiator_ && ipv6_may_come()) punch_at_ = now_.at + defaults::ipv6_again_first;
  }
}

/// The relay in use is reached by a stream now, or by UDP again. That is our own business: the peer
/// is reached by the same relay, so our WireGuard alone goes there.
void peer_connection::follow_relay() {
  if (!path_ || !path_->relay || move_ || !configured_) return;
  if (!alive() && !in<verifying>() && !in<trialling>() && !in<reconnecting>()) return;
  for (const auto& relay : ranking_) {
    if (relay.relay != path_->relay->relay || relay.address == path_->where) continue;
    const auto rtt = path_->rtt;
    path_ = through(relay);
    if (rtt.count() > 0) path_->rtt = rtt;
    last_relay_ = relay;
    liveness_.settle();
    if (configured_->where) configured_->where = relay.address;
    // A handshake that began towards the old address is repeated after seconds only.
    if (const auto* r = in<reconnecting>(); r && initiator_ && !r->keeps) return repair(path_);
    issue(msg::assert_endpoint{record_.key, relay.address, path_->rtt});
    // What was asked before went nowhere.
    if (up()) check_now();
    if (auto* v = in<verifying>()) probe_next(v->probes);
    if (auto* r = in<reconnecting>()) probe_next(r->probes);
    return;
  }
}

// --- the way back --------------------------------------------------------------------------------

void peer_connection::lost_direct() {
  direct_before_ = path_;
  direct_judged_ = false;
  relayed_since_ = now_.at;
  upkeep_at_ = now_.at + defaults::direct_check_gap;
  punch_soon(); // a NAT may have bound us anew: there is another direct path then
}

/// A pair that was direct looks for it for ever: both ends check the old path, which also keeps
/// their NATs open for each other, ever more rarely.
void peer_connection::upkeep() {
  if (!upkeep_at_ || now_.at < *upkeep_at_) return;
  upkeep_at_.reset();
  if (!direct_before_ || !relayed_since_) return;
  const auto gone = now_.at - *relayed_since_;
  const std::chrono::nanoseconds gap =
      gone < defaults::direct_check_for
          ? std::chrono::nanoseconds{defaults::direct_check_gap}
          : std::min<std::chrono::nanoseconds>(gone / 100, defaults::punch_again_max);
  upkeep_at_ = now_.at + gap;
  if (!alive() || move_ || !path_ || !path_->relay) return;
  upkept_ = now_.at;
  check(*direct_before_, false);
}

} // namespace lanrage::actors
