#include "sim/world/fake_wireguard.hpp"

#include "net/wg/commands.hpp"
#include "net/wg_packet.hpp"
#include "sim/world/octets.hpp"

#include <algorithm>

namespace lanrage::sim {

using net::wg::change_kind;

const char* to_string(wg_drop cause) {
  static constexpr std::array<const char*, wg_drops> names{
      "no_peer",          "no_endpoint",      "queue_full",  "gave_up",      "unknown_index",
      "bad_key",          "replayed",         "too_old",     "unknown_peer", "not_for_us",
      "invalid_response", "stale_initiation", "not_allowed", "malformed"};
  return names[static_cast<std::size_t>(cause)];
}

fake_wireguard::fake_wireguard(const net::wg_public_key& own, std::uint16_t listen_port,
                               duration unix_epoch, stream random, wg_surroundings& around)
    : own_(own), own_mac1_key_(net::wg::mac1_key(own)), listen_port_(listen_port),
      unix_epoch_(unix_epoch), random_(random), around_(around) {}

net::wg::observation fake_wireguard::observe() const {
  net::wg::observation out;
  out.own = own_;
  out.listen_port = listen_port_;
  out.peers.reserve(by_key_.size());
  for (const auto& [key, at] : by_key_) {
    const auto& p = peers_[at];
    net::wg::peer_state state;
    state.key = key;
    state.where = p.where;
    state.allowed_ips = p.allowed_texts;
    state.latest_handshake = p.latest_handshake;
    state.rx = p.rx;
    state.tx = p.tx;
    state.keepalive = std::chrono::duration_cast<std::chrono::seconds>(p.keepalive);
    out.peers.push_back(std::move(state));
  }
  return out;
}

void fake_wireguard::apply(const net::wg::change& change, time_point now) {
  const auto known = by_key_.find(change.key);
  switch (change.kind) {
  case change_kind::remove:
    if (known != by_key_.end()) remove(known->second);
    return;
  case change_kind::endpoint:
    if (known == by_key_.end()) return;
    peers_[known->second].where = change.where;
    return flush_staged(peers_[known->second], now);
  case change_kind::put:
    return put(change, now);
  }
}

void fake_wireguard::put(const net::wg::change& change, time_point now) {
  const auto known = by_key_.find(change.key);
  const auto at = known == by_key_.end() ? add(change.key) : known->second;
  auto& p = peers_[at];
  if (p.allowed != change.address) allow(at, change.address);
  if (change.where) p.where = change.where;
  const bool keepalive_on = p.keepalive == duration{} && change.keepalive.count() > 0;
  p.keepalive = change.keepalive;
  if (p.keepalive == duration{}) set(p, persistent, never);
  if (keepalive_on) send_keepalive_packet(p, now); // at once, as wireguard-go and the kernel do
  flush_staged(p, now);
}

void fake_wireguard::allow(slot at, net::virtual_ip address) {
  auto& p = peers_[at];
  if (const auto old = routes_.find(p.allowed); old != routes_.end() && old->second == at)
    routes_.erase(old);
  p.allowed = address;
  p.allowed_texts.clear();
  if (!address.leased()) return;
  p.allowed_texts.push_back(net::wg::allowed_ip(address));
  // An allowed IP belongs to one peer: the last one that is given it.
  const auto [route, made] = routes_.try_emplace(address, at);
  if (!made && route->second != at) {
    peers_[route->second].allowed = {};
    peers_[route->second].allowed_texts.clear();
  }
  route->second = at;
}

fake_wireguard::slot fake_wireguard::add(const net::wg_public_key& key) {
  slot at;
  if (free_.empty()) {
    at = static_cast<slot>(peers_.size());
    peers_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  auto& p = peers_[at];
  const auto generation = p.generation + 1; // wakes of who was here before mean nothing
  p = {};
  p.generation = generation;
  p.used = true;
  p.key = key;
  by_key_[key] = at;
  return at;
}

void fake_wireguard::remove(slot at) {
  auto& p = peers_[at];
  forget_handshake(p);
  for (auto& keys : p.keys)
    forget(keys);
  allow(at, {});
  by_key_.erase(p.key);
  discard(p);
  p.used = false;
  ++p.generation;
  free_.push_back(at);
}

void fake_wireguard::discard(peer& p) {
  for (const auto& each : p.staged) {
    unstage(each);
    if (each.octets != 0) around_.discarded(each);
  }
  p.staged.clear();
}

void fake_wireguard::discard_waiting() {
  for (const auto& [key, at] : by_key_)
    discard(peers_[at]);
}

bool fake_wireguard::transmit(peer& p, net::byte_view data) {
  if (!p.where) return false;
  p.tx += data.size();
  around_.transmit(*p.where, data);
  return true;
}

void fake_wireguard::drop(wg_drop cause, const inner_packet* inner) {
  ++drops_[static_cast<std::size_t>(cause)];
  around_.dropped(cause, inner);
}

void fake_wireguard::datagram(const net::endpoint& from, net::byte_view data, time_point now) {
  const auto header = net::wg::parse_header(data);
  if (!header) return; // STUN and our frames come here, too, and are none of WireGuard's business
  switch (header->kind) {
  case net::wg::packet_kind::initiation:
    return on_initiation(from, data, now);
  case net::wg::packet_kind::response:
    return on_response(from, data, now);
  case net::wg::packet_kind::data:
    return on_data(from, data, now);
  case net::wg::packet_kind::cookie:
    return; // nobody is ever under load here
  }
}

std::uint64_t fake_wireguard::sessions() const {
  std::uint64_t out = 0;
  for (const auto& [key, at] : by_key_)
    if (peers_[at].keys[current]) ++out;
  return out;
}

std::optional<net::session_index>
fake_wireguard::session_towards(const net::endpoint& where) const {
  std::optional<net::session_index> out;
  for (const auto& [key, at] : by_key_) {
    const auto& p = peers_[at];
    if (p.where != where || !p.keys[current]) continue;
    if (out) return std::nullopt;
    net::bytes octets(net::session_index::size);
    put_at(octets, 0, p.keys[current]->remote);
    out = net::session_index::from(octets);
  }
  return out;
}

} // namespace lanrage::sim
