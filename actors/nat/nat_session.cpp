#include "actors/nat/nat_session.hpp"

#include "config/defaults.hpp"
#include "net/record.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;
using std::chrono::nanoseconds;

namespace {

constexpr std::size_t open_checks_max = 32; ///< per address: more than one run sends

void consider(std::optional<msg::time_point>& first, msg::time_point at) {
  first = first ? std::min(*first, at) : at;
}

} // namespace

nat_session::nat_session(session_identity who, net::random_source random)
    : who_{std::move(who)}, own_hash_{net::hash_of(who_.own)}, peer_hash_{net::hash_of(who_.peer)},
      initiator_{net::is_initiator(who_.own, who_.peer)}, random_{std::move(random)} {}

// --- what is asked of us ------------------------------------------------------------------------

void nat_session::expect(bool ready, time_point now, nat_effects& out) {
  if (ready && !ready_) ready_told_ = false;
  ready_ = ready;
  tell_ready_if_needed(now, out);
}

void nat_session::start(const msg::start_punch& order, const own_network& network, time_point now,
                        nat_effects& out) {
  new_run(order.epoch);
  network_ = network;
  plan_ = order.birthday;
  for (const auto& each : order.candidates)
    if (may_probe(each.address, network_.hosts, network_.port) && !list_.add(each))
      ++counters_.full;
  // A probe of this epoch that came before we were told: the peer has started, so must we.
  bool started = false;
  for (const auto& each : early_) {
    if (each.epoch != order.epoch) continue;
    started = true;
    if (auto* path = list_.add({net::candidate_kind::peer_reflexive, each.from}))
      path->heard = true;
  }
  std::erase_if(early_, [&](const auto& each) { return each.epoch <= order.epoch; });
  const auto after = std::min<nanoseconds>(order.after, defaults::punch_after_max);
  if (started || after <= nanoseconds::zero())
    begin(now, out);
  else
    state_ = waiting{now + after};
}

void nat_session::nominate(const msg::nominate_path& order, time_point now, nat_effects& out) {
  const bool stale = epoch_ && order.epoch < *epoch_;
  if (!initiator_ || stale || !may_probe(order.where, network_.hosts, network_.port)) {
    out.events.push_back({who_.peer, order.epoch, msg::path_news::failed, order.where, {}, {}});
    return;
  }
  // Our own run may be forgotten (a restarted actor); the answer proves the path anew anyway.
  if (epoch_ != order.epoch) new_run(order.epoch);
  if (!list_.add({net::candidate_kind::peer_reflexive, order.where})) {
    ++counters_.full;
    out.events.push_back({who_.peer, order.epoch, msg::path_news::failed, order.where, {}, {}});
    return;
  }
  set_focus(purpose::nominate, order.where, now, out);
}

void nat_session::tick(time_point now, nat_effects& out) {
  if (const auto* before = std::get_if<waiting>(&state_); before && before->start <= now)
    begin(now, out);
  if (auto* run = std::get_if<punching>(&state_)) {
    const auto* best = list_.best();
    const bool over = run->until <= now;
    if (best && (over || (run->report_at && *run->report_at <= now))) {
      settle(*best, out);
    } else if (over && !begin_birthday(*run, now)) {
      give_up(now, out);
    } else if (run->next_round <= now) {
      round(*run, now, out);
    }
  }
  guess(now, out);
  tick_focus(now, out);
}

void nat_session::give_up(time_point now, nat_effects& out) {
  state_ = idle{};
  doubt_rewrite(now);
  report(msg::path_news::failed, nullptr, out);
}

std::optional<nat_session::time_point> nat_session::deadline() const {
  std::optional<time_point> first;
  if (const auto* before = std::get_if<waiting>(&state_)) consider(first, before->start);
  if (const auto* run = std::get_if<punching>(&state_)) {
    consider(first, std::min(run->next_round, run->until));
    if (run->report_at) consider(first, *run->report_at);
    if (const auto at = birthday_ ? birthday_->next() : std::nullopt) consider(first, *at);
  }
  if (focus_) consider(first, std::min(focus_->next, focus_->until));
  return first;
}

msg::tried_addresses nat_session::tried() const {
  msg::tried_addresses out;
  for (const auto& each : list_.all())
    out.push_back({each.what, each.sent, each.answered, each.heard, each.rtt});
  return out;
}

// --- probing ------------------------------------------------------------------------------------

void nat_session::new_run(std::uint32_t epoch) {
  epoch_ = epoch;
  state_ = idle{};
  list_.clear();
  focus_.reset();
  nominated_.reset();
  ready_told_ = false;
  peer_ready_ = false;
  effects_.forget_before(epoch);
  sent_ = probes_ = 0;
  plan_.reset();
  birthday_.reset();
  birthday_problem_.clear();
}

void nat_session::begin(time_point now, nat_effects& out) {
  punching run{now, now + defaults::punch_deadline, defaults::punch_first_gap, std::nullopt};
  round(run, now, out);
  state_ = run;
}

void nat_session::round(punching& run, time_point now, nat_effects& out) {
  for (auto& each : list_.all()) {
    if (each.proven() || probes_ == defaults::punch_probes_max) continue;
    ++probes_;
    probe(each, false, now, out);
  }
  run.next_round = now + run.gap;
  run.gap = longer(run.gap);
}

nanoseconds nat_session::longer(nanoseconds gap) const {
  const auto next = static_cast<double>(gap.count()) * defaults::punch_gap_growth;
  return std::min<nanoseconds>(nanoseconds{static_cast<nanoseconds::rep>(next)},
                               defaults::punch_gap_max);
}

net::probe nat_session::new_probe(bool nominate) {
  net::probe frame;
  frame.ready = ready_;
  frame.nominate = nominate;
  frame.from = own_hash_;
  frame.to = peer_hash_;
  random_(frame.transaction);
  frame.epoch = epoch_.value_or(0);
  return frame;
}

void nat_session::probe(remote& to, bool nominate, time_point now, nat_effects& out) {
  if (sent_ == defaults::punch_packets_max) return;
  ++sent_;
  const auto frame = new_probe(nominate);
  if (to.open.size() == open_checks_max) to.open.erase(to.open.begin());
  to.open.push_back({frame.transaction, now, ready_, nominate});
  ++to.sent;
  if (!to.first_sent) to.first_sent = now;
  to.last_sent = now;
  out.frames.push_back(
      {to.what.address, std::make_shared<const net::bytes>(net::encode(frame, who_.key))});
  ++counters_.probes_sent;
}

// --- what arrives -------------------------------------------------------------------------------

void nat_session::receive(const net::endpoint& from, net::byte_view datagram, time_point now,
                          nat_effects& out, std::uint16_t at_port) {
  const auto frame = net::decode_probe(datagram, who_.key);
  if (!frame || frame->from != peer_hash_ || frame->to != own_hash_) {
    ++counters_.refused;
    return;
  }
  heard_from(from);
  if (frame->answer)
    on_answer(from, *frame, now, out);
  else
    on_probe(from, at_port, *frame, now, out);
}

void nat_session::on_probe(const net::endpoint& from, std::uint16_t at_port,
                           const net::probe& frame, time_point now, nat_effects& out) {
  const bool met = birthday_ && at_port != 0;
  if (met && !admit_spare(from, at_port, frame)) {
    ++counters_.strays;
    return;
  }
  switch (answers_.admit(from, frame.transaction, now)) {
  case answer_book::verdict::duplicate:
    ++counters_.duplicates;
    return;
  case answer_book::verdict::over_rate:
    ++counters_.over_rate;
    return;
  case answer_book::verdict::answer:
    break;
  }
  bool followed = false;
  const bool counts = !epoch_ || frame.epoch >= *epoch_;
  if (counts && !met && effects_.first(frame.transaction, frame.epoch)) {
    if (epoch_ == frame.epoch)
      followed = on_fresh_probe(from, frame, now, out);
    else
      remember_early(from, frame.epoch);
  }
  // Outside a run only the answers' own rate bounds them.
  const bool in_run = epoch_ == frame.epoch && !std::holds_alternative<idle>(state_);
  if (in_run && sent_ == defaults::punch_packets_max) return;
  if (in_run) ++sent_;
  net::probe answer;
  answer.answer = true;
  answer.ready = ready_;
  answer.nominate = followed;
  answer.from = own_hash_;
  answer.to = peer_hash_;
  answer.transaction = frame.transaction;
  answer.epoch = frame.epoch;
  answer.observed = from;
  out.frames.push_back({from, std::make_shared<const net::bytes>(net::encode(answer, who_.key)),
                        met ? at_port : std::uint16_t{0}});
  ++counters_.answers_sent;
}

void nat_session::remember_early(const net::endpoint& from, std::uint32_t epoch) {
  std::erase_if(early_, [&](const auto& each) { return each.from == from; });
  if (early_.size() == net::candidates_max) early_.erase(early_.begin());
  early_.push_back({from, epoch});
}

bool nat_session::on_fresh_probe(const net::endpoint& from, const net::probe& frame, time_point now,
                                 nat_effects& out) {
  const bool nominated = frame.nominate && !initiator_;
  const bool probing =
      std::holds_alternative<waiting>(state_) || std::holds_alternative<punching>(state_);
  auto* path = list_.find(from);
  if (!path && (probing || nominated)) {
    path = list_.add({net::candidate_kind::peer_reflexive, from});
    if (!path) ++counters_.full;
  }
  const bool first = path && !path->heard;
  if (path) path->heard = true;
  // The peer's start has arrived here, so ours is late, whatever was agreed.
  if (std::holds_alternative<waiting>(state_)) begin(now, out);
  note_ready(frame.ready, out);
  if (!path) return false;
  // Its probe came through, so the peer's filter is open to us by now: no waiting for the next
  // round. Only the first is that good a reason; later ones keep the rhythm of the first gap.
  const auto since = path->last_sent ? now - *path->last_sent : nanoseconds::max();
  const bool due = first ? since > nanoseconds::zero() : since >= defaults::punch_first_gap;
  const bool wanted = std::holds_alternative<punching>(state_) || (first && improves(*path));
  if (wanted && !path->proven() && due) probe(*path, false, now, out);
  return nominated && follow(*path, now, out);
}

/// Responder: the initiator wants to move to this path.
bool nat_session::follow(const remote& path, time_point now, nat_effects& out) {
  const auto where = path.what.address;
  if (!path.proven()) {
    const bool asked = focus_ && focus_->why == purpose::confirm && focus_->where == where;
    if (!asked) set_focus(purpose::confirm, where, now, out);
    return false;
  }
  // A repetition of the same nomination is not news.
  const bool again = nominated_ && nominated_->where == where &&
                     now - nominated_->heard <= defaults::nominate_deadline;
  nominated_ = nomination{where, now};
  const auto* told = std::get_if<settled>(&state_);
  if (!told)
    settle(path, out);
  else
    state_ = settled{where};
  if (!again) report(msg::path_news::nominated, &path, out);
  return true;
}

void nat_session::on_answer(const net::endpoint& from, const net::probe& frame, time_point now,
                            nat_effects& out) {
  auto answered = take_guess(from, frame.transaction);
  auto* path = list_.find(from);
  if (path && !answered) answered = path->take(frame.transaction);
  if (!path || !answered) {
    ++counters_.strays;
    return;
  }
  ++path->answered;
  ready_told_ |= answered->ready;
  const bool first = !path->proven();
  const nanoseconds rtt = now - answered->sent;
  // The first round trip over a path may have waited for its neighbours to be resolved.
  const bool news = first || rtt < *path->rtt;
  if (news) path->rtt = rtt;
  note_ready(frame.ready, out);
  if (news) on_proven(*path, now, out);
  on_focus_answer(*answered, frame, *path, now, out);
  tell_ready_if_needed(now, out);
}

// --- deciding -----------------------------------------------------------------------------------

void nat_session::on_proven(const remote& path, time_point now, nat_effects& out) {
  if (birthday_) birthday_->stop();
  if (auto* run = std::get_if<punching>(&state_)) {
    const auto* best = list_.best();
    run->report_at = worth_waiting_until(*best, now);
    if (!run->report_at) settle(*best, out);
  } else if (const auto* told = std::get_if<settled>(&state_)) {
    const auto* old = list_.find(told->where);
    if (old && old->proven() && clearly_better(path, *old)) settle(path, out);
  }
}

/// We have told of a path already, and this one would be better.
bool nat_session::improves(const remote& path) {
  const auto* told = std::get_if<settled>(&state_);
  const auto* old = told ? list_.find(told->where) : nullptr;
  return old && would_be_better(path, *old);
}

/// Until when a path of a better class might still be proven; absent: report now. A better path is
/// also a shorter one, so an address that has been silent for one and a half of this round trip
/// since we first tried it is not worth more waiting.
std::optional<nat_session::time_point> nat_session::worth_waiting_until(const remote& best,
                                                                        time_point now) const {
  std::optional<time_point> until;
  for (const auto& each : list_.all()) {
    if (each.proven() || !each.first_sent) continue;
    if (path_class(each.what.kind) >= path_class(best.what.kind)) continue;
    const auto patience = *each.first_sent + *best.rtt + *best.rtt / 2;
    until = until ? std::max(*until, patience) : patience;
  }
  if (!until || *until <= now) return std::nullopt;
  return std::min(*until, now + defaults::punch_grace_max);
}

void nat_session::settle(const remote& path, nat_effects& out) {
  state_ = settled{path.what.address};
  report(msg::path_news::proven, &path, out);
}

void nat_session::note_ready(bool ready, nat_effects& out) {
  if (!ready || peer_ready_) return;
  peer_ready_ = true;
  if (const auto* told = std::get_if<settled>(&state_))
    report(msg::path_news::proven, list_.find(told->where), out);
}

void nat_session::report(msg::path_news news, const remote* path, nat_effects& out) {
  msg::path_event event;
  event.key = who_.peer;
  event.epoch = epoch_.value_or(0);
  event.news = news;
  if (path) {
    event.where = path->what.address;
    event.rtt = path->rtt.value_or(nanoseconds::zero());
  }
  event.peer_ready = peer_ready_;
  if (birthday_)
    event.birthday = msg::birthday_report{birthday_->probes(), path != nullptr, birthday_problem_};
  event.rewritten = path && rewrite_ && rewrite_->peer == path->what.address;
  out.events.push_back(event);
}

} // namespace lanrage::actors
