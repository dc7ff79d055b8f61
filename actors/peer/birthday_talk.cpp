#include "actors/peer/birthday_talk.hpp"

#include "config/birthday_defaults.hpp"

namespace lanrage::actors {

namespace defaults = config::defaults;

bool birthday_talk::ours(const msg::own_paths& own) {
  on_ = own.birthday_on;
  nat_ = own.nat;
  if (own_ == own.birthday) return false;
  own_ = own.birthday;
  return true;
}

bool birthday_talk::theirs(const std::optional<net::birthday_offer>& offer) {
  auto standing = offer;
  if (standing) standing->with = 0;
  if (peer_ == standing) return false;
  peer_ = standing;
  return true;
}

bool birthday_talk::complementary() const {
  return own_ && peer_ && own_->symmetric != peer_->symmetric;
}

bool birthday_talk::open() const {
  return complementary() && tried_ != networks{own_->network, peer_->network};
}

bool birthday_talk::too_often(time_point now, std::chrono::seconds window) const {
  return tried_at_.size() == defaults::birthday_attempts_max && now - tried_at_.front() < window;
}

msg::birthday_plan birthday_talk::begin(time_point now) {
  tried_ = networks{own_->network, peer_->network};
  tried_at_.push_back(now);
  if (tried_at_.size() > defaults::birthday_attempts_max) tried_at_.pop_front();
  report_.reset();
  return {!own_->symmetric, peer_->seen};
}

std::optional<birthday_talk::proposal> birthday_talk::propose(time_point now) {
  if (!open() || too_often(now, defaults::birthday_propose_window)) return std::nullopt;
  proposal out{*own_, begin(now)};
  out.say.with = peer_->network;
  return out;
}

std::optional<msg::birthday_plan>
birthday_talk::follow(const std::optional<net::birthday_offer>& said, time_point now) {
  theirs(said);
  if (!said || !open() || said->with != own_->network) return std::nullopt;
  if (too_often(now, defaults::birthday_window)) return std::nullopt;
  return begin(now);
}

bool birthday_talk::helps(const net::nat_report& peer) const {
  return is_hard_pair(side_of(nat_), side_of(peer));
}

std::string birthday_talk::in_vain(const net::nat_report& peer) const {
  if (report_ && !report_->problem.empty())
    return "birthday probing met the peer, but " + report_->problem;
  if (was_found()) return "the path that birthday probing found is lost";
  if (report_)
    return "birthday probing sent " + std::to_string(report_->probes) +
           " probes in vain; it is tried again when either network changes";
  if (!helps(peer)) return {};
  if (!on_) return "birthday probing might, but is off here";
  if (!own_ || !peer_)
    return own_ ? "birthday probing might, but the peer does not offer it"
                : "birthday probing might, but the own NAT is not measured yet";
  return open() ? "birthday probing is tried with the next punch"
                : "birthday probing was begun and has found nothing yet";
}

std::string birthday_talk::remedy(const net::nat_report& peer) const {
  if (!helps(peer) || report_ || (own_ && peer_)) return {};
  return "turn on daemon.birthday_probing on both sides (it looks like a port scan)";
}

std::string birthday_talk::found() const {
  if (!was_found()) return {};
  return "found by birthday probing after " + std::to_string(report_->probes) + " probes";
}

} // namespace lanrage::actors
