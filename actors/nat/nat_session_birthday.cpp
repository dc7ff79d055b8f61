#include "actors/nat/nat_session.hpp"

/// Birthday probing within a run, and what becomes of a port that it found.
namespace lanrage::actors {

namespace defaults = config::defaults;

/// The run found nothing. Whether it goes on with this.
bool nat_session::begin_birthday(punching& run, time_point now) {
  if (!plan_ || birthday_ || !plan_->peer.address.is_v4()) return false;
  if (!may_probe(plan_->peer, network_.hosts, network_.port)) return false;
  birthday_.emplace(*plan_, now, random_);
  run.until = birthday_->until();
  return true;
}

void nat_session::guess(time_point now, nat_effects& out) {
  if (!birthday_ || !std::holds_alternative<punching>(state_)) return;
  for (const auto& shot : birthday_->due(now)) {
    const auto frame = new_probe(false);
    if (birthday_->guesses()) birthday_->guessed(shot.to, frame.transaction, now);
    out.frames.push_back({shot.to, std::make_shared<const net::bytes>(net::encode(frame, who_.key)),
                          shot.from_port});
    ++counters_.probes_sent;
  }
}

/// A guess of the peer's that arrived at a port that we opened for it: the first one counts.
bool nat_session::admit_spare(const net::endpoint& from, std::uint16_t at_port,
                              const net::probe& frame) {
  if (!std::holds_alternative<punching>(state_) || frame.epoch != epoch_) return false;
  if (from != birthday_->peer() || !birthday_->met(at_port)) return false;
  if (!rewrite_ || rewrite_->port != at_port || rewrite_->peer != from) {
    rewrite_ = net::port_rewrite{from, at_port};
    rewrite_there_ = false;
    rewrite_silent_.reset();
  }
  return true;
}

/// An answer to a guess proves the path as one to any other probe of ours does.
std::optional<check> nat_session::take_guess(const net::endpoint& from,
                                             const net::probe_transaction& id) {
  const auto sent = birthday_ ? birthday_->take(from, id) : std::nullopt;
  if (!sent || !std::holds_alternative<punching>(state_)) return std::nullopt;
  auto* path = list_.add({net::candidate_kind::peer_reflexive, from});
  if (!path) {
    ++counters_.full;
    return std::nullopt;
  }
  ++path->sent;
  return check{id, *sent, false, false};
}

void nat_session::rewritten(const std::optional<net::error>& why_not, time_point now,
                            nat_effects& out) {
  if (!rewrite_ || rewrite_there_) return;
  if (why_not) {
    birthday_problem_ = net::to_string(*why_not);
    rewrite_.reset();
    if (std::holds_alternative<punching>(state_)) give_up(now, out);
    return;
  }
  rewrite_there_ = true;
  if (!std::holds_alternative<punching>(state_)) return;
  if (!list_.add({net::candidate_kind::peer_reflexive, rewrite_->peer})) {
    ++counters_.full;
    return;
  }
  set_focus(purpose::rewritten, rewrite_->peer, now, out);
}

void nat_session::adopt(const net::port_rewrite& there) {
  rewrite_ = there;
  rewrite_there_ = true;
  rewrite_silent_.reset();
}

void nat_session::release(const net::endpoint& where) {
  if (rewrite_ && rewrite_->peer == where) rewrite_.reset();
}

void nat_session::heard_from(const net::endpoint& where) {
  if (rewrite_ && rewrite_->peer == where) rewrite_silent_.reset();
}

/// A run ended without any path. One that was just found is of no use; an older one may only be
/// interrupted, and comes back by checks while its mapping lives.
void nat_session::doubt_rewrite(time_point now) {
  if (!rewrite_) return;
  if (!rewrite_silent_) rewrite_silent_ = now;
  if (birthday_ || now - *rewrite_silent_ >= defaults::birthday_path_kept) rewrite_.reset();
}

} // namespace lanrage::actors
