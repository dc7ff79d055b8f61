#include "actors/nat/nat_core.hpp"

#include "config/defaults.hpp"
#include "net/frames.hpp"
#include "net/stun.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

nat_core::nat_core(net::wg_private_key own, std::uint16_t listen_port, net::random_source random,
                   bool birthday)
    : key_{own}, public_{net::public_key(own)}, own_hash_{net::hash_of(public_)},
      port_{listen_port}, random_{random}, gather_{listen_port, std::move(random), birthday},
      birthday_{birthday} {}

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

void nat_core::forget(const msg::forget_peer& order, nat_effects& out) {
  auto* known = find(order.key);
  if (!known) return;
  const auto hash = net::hash_of(order.key);
  if (known->due) due_.erase({*known->due, hash});
  sessions_.erase(hash);
  tell_rewrites(out);
}

void nat_core::release(const msg::release_path& order, nat_effects& out) {
  if (auto* known = find(order.key)) known->session.release(order.where);
  tell_rewrites(out);
}

void nat_core::rewritten(const std::vector<net::port_rewrite>& all,
                         const std::optional<net::error>& why_not, time_point now,
                         nat_effects& out) {
  for (auto& [hash, each] : sessions_) {
    const auto& wanted = each.session.rewrite();
    if (!wanted || std::find(all.begin(), all.end(), *wanted) == all.end()) continue;
    each.session.rewritten(why_not, now, out);
    reschedule(hash, each);
  }
  // A refusal has changed nothing, so what is left then is what there is.
  nat_effects unchanged;
  tell_rewrites(why_not ? unchanged : out);
}

void nat_core::adopt(const net::wg_public_key& peer, const net::port_rewrite& there) {
  auto* known = find(peer);
  if (!known) return;
  known->session.adopt(there);
  nat_effects known_already;
  tell_rewrites(known_already);
}

std::map<net::wg_public_key, net::port_rewrite> nat_core::rewrites() const {
  std::map<net::wg_public_key, net::port_rewrite> out;
  for (const auto& [hash, each] : sessions_)
    if (each.session.rewrite()) out.emplace(each.session.peer(), *each.session.rewrite());
  return out;
}

void nat_core::tell_rewrites(nat_effects& out) {
  if (!birthday_) return;
  std::vector<net::port_rewrite> now;
  for (const auto& [hash, each] : sessions_)
    if (each.session.rewrite()) now.push_back(*each.session.rewrite());
  if (now == rewrites_) return;
  rewrites_ = std::move(now);
  out.rewrites = rewrites_;
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
  auto& [session, checks, due] = at->second;
  if (kind == net::frame_kind::path_check || kind == net::frame_kind::path_answer) {
    // WireGuard's packets do not arrive there, so an answer would promise too much: a port that a
    // former daemon's rewrite led to WireGuard's.
    if (frame.at_port != 0) return;
    const auto before = out.events.size();
    checks.receive(frame.from, *frame.data, now, out);
    if (out.events.size() > before) session.heard_from(frame.from);
    return;
  }
  session.receive(frame.from, *frame.data, now, out, frame.at_port);
  reschedule(at->first, at->second);
  tell_rewrites(out);
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
  tell_rewrites(out);
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
