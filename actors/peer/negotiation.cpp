#include "actors/peer/negotiation.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace {
/// Whether `known` became something else.
template <class T>
bool replace(T& known, const T& now) {
  if (known == now) return false;
  known = now;
  return true;
}
bool same_relays(const std::vector<net::relay_leg>& a, const std::vector<net::relay_leg>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.relay == y.relay; });
}
bool is_public(const net::candidate& each) {
  return !each.address.address.is_private() && !each.address.address.is_link_local();
}
bool is_public_ipv6(const net::candidate& each) {
  return is_public(each) && !each.address.address.is_v4();
}

} // namespace

bool negotiation::own_candidates(const std::vector<net::candidate>& now) {
  return replace(own_candidates_, now);
}

bool negotiation::own_birthday(const std::optional<net::birthday_offer>& now) {
  return replace(own_birthday_, now);
}

bool negotiation::own_legs(const std::vector<net::relay_leg>& now) {
  // Round-trip times move all the time: only another set or order of relays is worth telling.
  const auto changed = !same_relays(own_legs_, now);
  own_legs_ = now;
  return changed;
}

bool negotiation::on_relay(const net::relay_id& relay) const {
  return std::any_of(own_legs_.begin(), own_legs_.end(),
                     [&](const auto& leg) { return leg.relay == relay; });
}

/// Their age counts from the arrival here, as the two clocks need not agree.
negotiation::news negotiation::take(const std::vector<net::candidate>& candidates,
                                    std::optional<msg::time_point> confirmed, msg::time_point now) {
  news out;
  const auto lapsed = candidates_at_ && candidates_lapsed(now);
  out.candidates = replace(peer_candidates_, candidates);
  if (out.candidates || !candidates_at_ || (confirmed && *confirmed > *candidates_at_))
    candidates_at_ = confirmed;
  out.candidates |= lapsed && !candidates_lapsed(now);
  return out;
}

bool negotiation::candidates_aged(msg::time_point now) const {
  return !candidates_at_ || now - *candidates_at_ >= config::defaults::candidates_renew;
}

bool negotiation::candidates_lapsed(msg::time_point now) const {
  return !candidates_at_ || now - *candidates_at_ >= config::defaults::candidates_lifetime;
}

negotiation::news negotiation::record(const net::peer_record& record,
                                      std::optional<msg::time_point> confirmed,
                                      msg::time_point now) {
  auto out = take(record.candidates, confirmed, now);
  out.legs = replace(peer_legs_, record.relays);
  return out;
}

negotiation::news negotiation::hear(const net::peer_signal& signal, msg::time_point now) {
  auto out = take(signal.candidates, now, now);
  out.legs = replace(peer_legs_, signal.relays);
  peer_delay_ = signal.control_delay;
  heard_ = true;
  out.ready = replace(peer_ready_, signal.ready) && signal.ready;
  if (initiator_) {
    out.reply = signal.epoch != epoch_;
  } else {
    out.attempt = replace(epoch_, signal.epoch);
    out.reply = signal.kind == net::signal_kind::offer;
  }
  return out;
}

void negotiation::owe(msg::time_point now) {
  const auto due = last_offer_ ? std::max(now, *last_offer_ + config::defaults::offer_gap) : now;
  offer_at_ = offer_at_ ? std::min(*offer_at_, due) : due;
}

net::peer_signal negotiation::offer(msg::time_point now, bool ready) {
  last_offer_ = now;
  offer_at_.reset();
  return signal(net::signal_kind::offer, ready);
}

bool negotiation::can_punch() const {
  return heard_ && !own_candidates_.empty() && !peer_candidates_.empty();
}

bool negotiation::seen_from_outside() const {
  return std::any_of(own_candidates_.begin(), own_candidates_.end(), is_public) &&
         std::any_of(peer_candidates_.begin(), peer_candidates_.end(), is_public);
}

bool negotiation::both_on_ipv6() const {
  return std::any_of(own_candidates_.begin(), own_candidates_.end(), is_public_ipv6) &&
         std::any_of(peer_candidates_.begin(), peer_candidates_.end(), is_public_ipv6);
}

net::peer_signal negotiation::punch(bool ready,
                                    const std::optional<net::birthday_offer>& birthday) const {
  auto out = signal(net::signal_kind::punch, ready);
  if (birthday) out.birthday = birthday;
  return out;
}

net::peer_signal negotiation::signal(net::signal_kind kind, bool ready) const {
  net::peer_signal out;
  out.kind = kind;
  out.epoch = epoch_;
  out.ready = ready;
  if (kind == net::signal_kind::offer || kind == net::signal_kind::punch) {
    out.candidates = own_candidates_;
    out.relays = own_legs_;
    out.control_delay = own_delay_;
    out.birthday = own_birthday_;
  }
  return out;
}

} // namespace lanrage::actors
