#include "actors/nat/nat_core.hpp"

#include "config/defaults.hpp"
#include "net/frames.hpp"
#include "net/stun.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

nat_core::nat_core(net::wg_private_key own, std::uint16_t listen_port, net::random_source random)
    : key_{own}, public_{net::public_key(own)}, own_hash_{net::hash_of(public_)},
      port_{listen_port}, random_{random}, gather_{listen_port, std::move(random)} {}

void nat_core::hosts(const msg::host_addresses& now_own, time_point now, nat_effects& out) {
  gather_.hosts(now_own.addresses, now, out);
}

void nat_core::relays(const msg::relays_listed& list, time_point now, nat_effects& out) {
  std::vector<net::endpoint> servers;
  for (const auto& relay : list.relays)
    for (const auto& where : {std::optional{relay.address}, relay.address6})
      if (where) servers.push_back(*where);
  gather_.servers(servers, now, out);
}

void nat_core::expect(const msg::expect_peer& order, time_point now, nat_effects& out) {
  auto* known = find(order.key);
  const auto hash = net::hash_of(order.key);
  if (!known) {
    const auto key = net::probe_key(key_, order.key);
    if (!key) {
      ++counters_.bad_keys;
      return;
    }
    const session_identity who{public_, order.key, *key};
    const auto made = sessions_.insert_or_assign(
        hash, entry{nat_session{who, random_}, path_checks{who, random_}, std::nullopt});
    known = &made.first->second;
    gather_.predict(now, out);
  }
  known->session.expect(order.ready, now, out);
  reschedule(hash, *known);
}

void nat_core::forget(const msg::forget_peer& order) {
  auto* known = find(order.key);
  if (!known) return;
  const auto hash = net::hash_of(order.key);
  if (known->due) due_.erase({*known->due, hash});
  sessions_.erase(hash);
}

void nat_core::start(const msg::start_punch& order, time_point now, nat_effects& out) {
  auto* known = find(order.key);
  if (!known) {
    out.events.push_back({order.key, order.epoch, msg::path_news::failed, {}, {}, {}});
    return;
  }
  known->session.start(order, {gather_.own_addresses(), port_}, now, out);
  reschedule(net::hash_of(order.key), *known);
}

void nat_core::nominate(const msg::nominate_path& order, time_point now, nat_effects& out) {
  auto* known = find(order.key);
  if (!known) {
    out.events.push_back({order.key, order.epoch, msg::path_news::failed, order.where, {}, {}});
    return;
  }
  known->session.nominate(order, now, out);
  reschedule(net::hash_of(order.key), *known);
}

void nat_core::check(const msg::check_path& order, time_point now, nat_effects& out) {
  auto* known = find(order.key);
  if (!known) return;
  const bool background = !order.doubt && order.move == 0;
  if (!background || afford_background_check(now)) known->checks.ask(order, now, out);
}

bool nat_core::afford_background_check(time_point now) {
  constexpr std::chrono::nanoseconds burst = std::chrono::seconds{1};
  constexpr auto each = burst / defaults::background_checks_per_s;
  const auto from = std::max(checks_paid_until_, now);
  if (from + each - now > burst) return false;
  checks_paid_until_ = from + each;
  return true;
}

void nat_core::receive(const msg::frame_received& frame, time_point now, nat_effects& out) {
  switch (net::classify(*frame.data)) {
  case net::datagram_class::probe:
    on_probe(frame, now, out);
    return;
  case net::datagram_class::stun:
    if (const auto answer = net::stun::parse_response(*frame.data)) {
      gather_.receive(frame.from, frame.at_port, *answer, now, out);
      return;
    }
    if (const auto request = net::stun::parse_request(*frame.data))
      if (gather_.receive_request(request->id, now, out)) return;
    break;
  case net::datagram_class::wireguard:
  case net::datagram_class::relay:
  case net::datagram_class::other:
    break;
  }
  ++counters_.foreign_frames;
}

void nat_core::on_probe(const msg::frame_received& frame, time_point now, nat_effects& out) {
  const auto header = net::peek_probe(*frame.data);
  const auto at = header && header->to == own_hash_ ? sessions_.find(header->from) //
                                                    : sessions_.end();
  if (at == sessions_.end()) {
    ++counters_.unknown_members;
    return;
  }
  const auto kind = net::kind_of(*frame.data);
  if (kind == net::frame_kind::path_check || kind == net::frame_kind::path_answer)
    return at->second.checks.receive(frame.from, *frame.data, now, out);
  at->second.session.receive(frame.from, *frame.data, now, out);
  reschedule(at->first, at->second);
}

void nat_core::mapped(const msg::ports_mapped& news, time_point now, nat_effects& out) {
  gather_.mapped_ports(news.ports, now, out);
}

/// A punch that failed may have aimed at ports that others took meanwhile, or at an address that is
/// ours no more.
void nat_core::look_after_failures(std::size_t events_before, time_point now, nat_effects& out) {
  for (std::size_t i = events_before; i < out.events.size(); ++i)
    if (out.events[i].news == msg::path_news::failed) {
      gather_.predict(now, out);
      return gather_.look_again(now, out);
    }
}

void nat_core::tick(time_point now, nat_effects& out) {
  const auto before = out.events.size();
  if (const auto at = gather_.deadline(); at && *at <= now) gather_.tick(now, out);
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto hash = due_.begin()->second;
    auto& each = sessions_.at(hash);
    each.session.tick(now, out);
    reschedule(hash, each);
  }
  look_after_failures(before, now, out);
}

std::optional<nat_core::time_point> nat_core::deadline() const {
  auto first = gather_.deadline();
  if (!due_.empty()) first = first ? std::min(*first, due_.begin()->first) : due_.begin()->first;
  return first;
}

const nat_session* nat_core::session_of(const net::wg_public_key& peer) const {
  const auto at = sessions_.find(net::hash_of(peer));
  return at != sessions_.end() && at->second.session.peer() == peer ? &at->second.session : nullptr;
}

nat_core::entry* nat_core::find(const net::wg_public_key& peer) {
  const auto at = sessions_.find(net::hash_of(peer));
  return at != sessions_.end() && at->second.session.peer() == peer ? &at->second : nullptr;
}

void nat_core::reschedule(const net::member_hash& who, entry& what) {
  if (what.due) due_.erase({*what.due, who});
  what.due = what.session.deadline();
  if (what.due) due_.insert({*what.due, who});
}

} // namespace lanrage::actors
