#include "sim/world/nat_box.hpp"

#include <algorithm>

namespace lanrage::sim {

namespace {

/// Remote endpoints kept per mapping before dead ones are looked for.
constexpr std::size_t remotes_kept = 32;
/// Random ports tried before the table counts as full.
constexpr int port_attempts = 64;

nat_settings make(nat_behavior mapping, nat_behavior filtering) {
  nat_settings out;
  out.mapping = mapping;
  out.filtering = filtering;
  return out;
}

bool matches(nat_behavior behavior, const net::endpoint& known, const net::endpoint& shown) {
  switch (behavior) {
  case nat_behavior::endpoint_independent:
    return true;
  case nat_behavior::address_dependent:
    return known.address == shown.address;
  default:
    return known == shown;
  }
}

} // namespace

nat_settings full_cone() {
  return make(nat_behavior::endpoint_independent, nat_behavior::endpoint_independent);
}
nat_settings address_restricted() {
  return make(nat_behavior::endpoint_independent, nat_behavior::address_dependent);
}
nat_settings port_restricted() {
  return make(nat_behavior::endpoint_independent, nat_behavior::address_and_port_dependent);
}
nat_settings symmetric() {
  return make(nat_behavior::address_and_port_dependent, nat_behavior::address_and_port_dependent);
}
nat_settings symmetric_sequential() {
  auto out = symmetric();
  out.sequential = true;
  return out;
}
nat_settings udp_blocked() {
  nat_settings out;
  out.blocks_udp = true;
  return out;
}

nat_box::mapping_key nat_box::key_of(const net::endpoint& from, const net::endpoint& to) const {
  switch (settings_.mapping) {
  case nat_behavior::endpoint_independent:
    return {from, {}};
  case nat_behavior::address_dependent:
    return {from, {to.address, 0}};
  default:
    return {from, to};
  }
}

nat_box::by_port::iterator nat_box::find(const mapping_key& key, time_point now) {
  const auto known = keys_.find(key);
  if (known == keys_.end()) return ports_.end();
  const auto at = ports_.find(known->second);
  if (live(at->second, now)) return at;
  forget(at);
  return ports_.end();
}

void nat_box::forget(by_port::iterator at) {
  for (const auto& key : at->second.keys)
    keys_.erase(key);
  ports_.erase(at);
}

bool nat_box::is_free(std::uint16_t port, const net::endpoint& to, time_point now) {
  if (const auto refused = refused_.find({port, to}); refused != refused_.end()) {
    if (now - refused->second <= settings_.refused_lifetime) return false;
    refused_.erase(refused);
  }
  const auto at = ports_.find(port);
  if (at == ports_.end()) return true;
  if (live(at->second, now)) return false;
  forget(at);
  return true;
}

std::uint16_t nat_box::choose(const net::endpoint& from, const net::endpoint& to, time_point now) {
  if (settings_.preserve_ports && is_free(from.port, to, now)) return from.port;
  const std::uint32_t count = settings_.last_port - settings_.first_port + 1u;
  if (settings_.sequential) {
    for (std::uint32_t i = 0; i < count; ++i) {
      last_ = last_ < settings_.first_port || last_ == settings_.last_port
                  ? settings_.first_port
                  : static_cast<std::uint16_t>(last_ + 1);
      if (is_free(last_, to, now)) return last_;
    }
    return 0;
  }
  for (int i = 0; i < port_attempts; ++i) {
    const auto port = static_cast<std::uint16_t>(settings_.first_port + random_.below(count));
    if (is_free(port, to, now)) return port;
  }
  return 0;
}

/// The port of the mapping that was used least lately, which ends.
std::uint16_t nat_box::steal() {
  const auto oldest =
      std::min_element(ports_.begin(), ports_.end(),
                       [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
  if (oldest == ports_.end()) return 0;
  const auto port = oldest->first;
  forget(oldest);
  return port;
}

void nat_box::remember(mapping& m, const net::endpoint& to, time_point now) const {
  m.used = now;
  const auto known = std::find_if(m.remotes.begin(), m.remotes.end(),
                                  [&](const auto& each) { return each.first == to; });
  if (known != m.remotes.end()) {
    known->second = now;
    return;
  }
  if (m.remotes.size() >= remotes_kept)
    std::erase_if(m.remotes,
                  [&](const auto& each) { return now - each.second > settings_.lifetime; });
  m.remotes.emplace_back(to, now);
}

bool nat_box::passes(const mapping& m, const net::endpoint& from, time_point now) const {
  if (settings_.filtering == nat_behavior::endpoint_independent) return true;
  return std::any_of(m.remotes.begin(), m.remotes.end(), [&](const auto& each) {
    return now - each.second <= settings_.lifetime &&
           matches(settings_.filtering, each.first, from);
  });
}

bool nat_box::taken(const mapping& m, std::uint16_t port, const net::endpoint& to,
                    time_point now) const {
  const auto refused = refused_.find({port, to});
  if (refused == refused_.end() || now - refused->second > settings_.refused_lifetime) return false;
  return std::none_of(m.remotes.begin(), m.remotes.end(),
                      [&](const auto& each) { return each.first == to; });
}

drop_cause nat_box::outward(net::endpoint& from, net::endpoint& to, time_point now) {
  if (settings_.blocks_udp) return drop_cause::nat_blocked;
  if (const auto alias = aliases_.find({from, to}); alias != aliases_.end()) {
    const auto [port, remote] = alias->second;
    if (const auto at = ports_.find(port);
        at != ports_.end() && live(at->second, now) && at->second.inner == from) {
      to = remote;
      remember(at->second, to, now);
      from = {outer_, port};
      return drop_cause::none;
    }
    aliases_.erase(alias);
  }
  auto key = key_of(from, to);
  auto at = find(key, now);
  if (at != ports_.end() && taken(at->second, at->first, to, now)) {
    key = {from, to};
    at = find(key, now);
  }
  if (at == ports_.end()) {
    auto port = choose(from, to, now);
    if (port == 0 && settings_.steals_ports) port = steal();
    if (port == 0) return drop_cause::nat_ports;
    keys_[key] = port;
    at = ports_.insert_or_assign(port, mapping{from, {key}, now, {}}).first;
  }
  remember(at->second, to, now);
  from = {outer_, at->first};
  return drop_cause::none;
}

drop_cause nat_box::inward(net::endpoint& from, net::endpoint& to, time_point now) {
  if (settings_.blocks_udp) return drop_cause::nat_blocked;
  const auto at = ports_.find(to.port);
  if (at == ports_.end() || !live(at->second, now) || !passes(at->second, from, now)) {
    if (settings_.remembers_refused) refused_[{to.port, from}] = now;
    return drop_cause::nat_filter;
  }
  auto& m = at->second;
  if (settings_.refresh_inbound) {
    m.used = now;
    // Whom filtering lets in is refreshed, too, but nobody is let in newly.
    for (auto& [remote, when] : m.remotes)
      if (remote == from) when = now;
  }
  // Whom a dependent mapping let in newly is answered from the port that it spoke to.
  const auto key = key_of(m.inner, from);
  if (const auto known = find(key, now); known == ports_.end()) {
    keys_[key] = at->first;
    m.keys.push_back(key);
  } else if (known != at) {
    from = alias_for(m.inner, at->first, from);
  }
  to = m.inner;
  return drop_cause::none;
}

/// The inside speaks to this remote through another port already. As the kernel of a Linux router
/// does, it is shown to the inside as another port of the same address.
net::endpoint nat_box::alias_for(const net::endpoint& inner, std::uint16_t port,
                                 const net::endpoint& remote) {
  for (const auto& [shown, real] : aliases_)
    if (shown.first == inner && real == std::pair{port, remote}) return shown.second;
  auto shown = remote;
  do
    shown.port = static_cast<std::uint16_t>(1'024 + random_.below(65'536 - 1'024));
  while (aliases_.contains({inner, shown}) || shown == remote);
  aliases_[{inner, shown}] = {port, remote};
  return shown;
}

drop_cause nat_box::firewall_outward(const net::endpoint& from, const net::endpoint& to,
                                     time_point now) {
  if (settings_.blocks_udp) return drop_cause::nat_blocked;
  if (!settings_.ipv6_open) asked_[{from, to}] = now;
  return drop_cause::none;
}

drop_cause nat_box::firewall_inward(const net::endpoint& from, const net::endpoint& to,
                                    time_point now) {
  if (settings_.blocks_udp) return drop_cause::nat_blocked;
  if (settings_.ipv6_open) return drop_cause::none;
  const auto asked = asked_.find({to, from});
  if (asked == asked_.end()) return drop_cause::nat_filter;
  if (now - asked->second > settings_.lifetime) {
    asked_.erase(asked);
    return drop_cause::nat_filter;
  }
  if (settings_.refresh_inbound) asked->second = now;
  return drop_cause::none;
}

void nat_box::flush() {
  asked_.clear();
  aliases_.clear();
  ports_.clear();
  keys_.clear();
  refused_.clear();
}

std::size_t nat_box::mappings(time_point now) const {
  return static_cast<std::size_t>(std::count_if(
      ports_.begin(), ports_.end(), [&](const auto& each) { return live(each.second, now); }));
}

} // namespace lanrage::sim
