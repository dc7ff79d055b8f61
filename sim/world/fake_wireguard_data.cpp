#include "sim/world/fake_wireguard.hpp"
#include "sim/world/octets.hpp"

/// Data packets. Outside they are WireGuard's: type, receiver index, counter, contents padded to 16
/// octets, and 16 octets where the tag would be, which here name the session's key.
namespace lanrage::sim {

namespace {

constexpr std::size_t header_octets = 16;
constexpr std::size_t tag_octets = 16;
constexpr std::size_t staged_max = 128; ///< QueueStagedSize
constexpr std::size_t inner_octets_min = 20;

enum inner_offset : std::size_t {
  kind_at = 0,
  octets_at = 2,
  from_at = 4,
  to_at = 8,
  token_at = 12
};
constexpr std::uint8_t kind_request = 1;
constexpr std::uint8_t kind_reply = 2;

net::virtual_ip address_of(std::uint32_t host_order) {
  const auto text = net::to_string(net::ip_address::v4(host_order));
  return net::virtual_ip::parse(text).value_or(net::virtual_ip{});
}
/// Spares the detour through text for the address that is expected.
net::virtual_ip address_of(std::uint32_t host_order, const net::virtual_ip& expected) {
  return expected.host_order() == host_order ? expected : address_of(host_order);
}

} // namespace

bool fake_wireguard::send(const inner_packet& inner, time_point now) {
  const auto route = routes_.find(inner.to);
  if (route == routes_.end()) {
    drop(wg_drop::no_peer, &inner);
    return false;
  }
  auto& p = peers_[route->second];
  if (usable(p.keys[current], now) && p.staged.empty()) {
    send_data(p, *p.keys[current], &inner, now);
    return true;
  }
  if (p.staged.size() >= staged_max) {
    unstage(p.staged.front());
    drop(wg_drop::queue_full, &p.staged.front());
    p.staged.erase(p.staged.begin());
  }
  stage(p, inner);
  flush_staged(p, now);
  return true;
}

/// A keepalive that waits has no octets.
void fake_wireguard::stage(peer& p, const inner_packet& inner) {
  p.staged.push_back(inner);
  if (inner.octets != 0) around_.waiting(inner, true);
}

void fake_wireguard::unstage(const inner_packet& inner) {
  if (inner.octets != 0) around_.waiting(inner, false);
}

std::optional<echo_key> fake_wireguard::echo_in(net::byte_view datagram) {
  if (datagram.size() < header_octets + inner_octets_min + tag_octets || datagram[0] != 4)
    return std::nullopt;
  const auto plain = datagram.subspan(header_octets);
  const auto asker = plain[kind_at] == kind_reply ? to_at : from_at;
  return echo_key{get_at<std::uint32_t>(plain, asker), get_at<std::uint64_t>(plain, token_at)};
}

bool fake_wireguard::usable(const std::optional<wg_keypair>& keys, time_point now) const {
  return keys && now - keys->made < wg_time::reject_after;
}

void fake_wireguard::flush_staged(peer& p, time_point now) {
  if (p.staged.empty()) return;
  if (!usable(p.keys[current], now)) return initiate(p, false, now);
  auto waiting = std::move(p.staged);
  p.staged.clear();
  for (const auto& each : waiting) {
    unstage(each);
    send_data(p, *p.keys[current], each.octets == 0 ? nullptr : &each, now);
  }
}

void fake_wireguard::send_keepalive_packet(peer& p, time_point now) {
  inner_packet empty;
  empty.octets = 0;
  if (p.staged.empty()) stage(p, empty);
  flush_staged(p, now);
}

void fake_wireguard::send_data(peer& p, wg_keypair& with, const inner_packet* inner,
                               time_point now) {
  const std::size_t plain = inner ? std::max<std::size_t>(inner->octets, inner_octets_min) : 0;
  const auto padded = (plain + 15) / 16 * 16;
  scratch_.assign(header_octets + padded + tag_octets, 0);
  scratch_[0] = 4;
  put_at(scratch_, 4, with.remote);
  put_at(scratch_, 8, with.sent++);
  put_at(scratch_, header_octets + padded, with.key);
  if (inner) {
    scratch_[header_octets + kind_at] = inner->reply ? kind_reply : kind_request;
    put_at(scratch_, header_octets + octets_at, inner->octets);
    put_at(scratch_, header_octets + from_at, inner->from.host_order());
    put_at(scratch_, header_octets + to_at, inner->to.host_order());
    put_at(scratch_, header_octets + token_at, inner->token);
  }
  traversed(p, now);
  set(p, send_keepalive, never); // it tells the other side that we live
  if (!transmit(p, scratch_)) drop(wg_drop::no_endpoint, inner);
  if (inner && p.due[new_handshake] == never)
    set(p, new_handshake, now + wg_time::keepalive + wg_time::rekey_timeout + jitter());
  keep_fresh_sending(p, now);
}

void fake_wireguard::keep_fresh_sending(peer& p, time_point now) {
  const auto& keys = p.keys[current];
  if (keys && keys->initiator && now - keys->made > wg_time::rekey_after) initiate(p, false, now);
}

void fake_wireguard::keep_fresh_receiving(peer& p, time_point now) {
  if (p.last_minute_handshake) return;
  const auto& keys = p.keys[current];
  const auto old = wg_time::reject_after - wg_time::keepalive - wg_time::rekey_timeout;
  if (!keys || !keys->initiator || now - keys->made <= old) return;
  p.last_minute_handshake = true;
  initiate(p, false, now);
}

void fake_wireguard::on_data(const net::endpoint& from, net::byte_view data, time_point now) {
  const auto index = get_at<std::uint32_t>(data, 4);
  const auto known = indices_.find(index);
  if (known == indices_.end()) return drop(wg_drop::unknown_index);
  auto& p = peers_[known->second.of];
  wg_keypair* with = nullptr;
  for (auto& keys : p.keys)
    if (keys && keys->local == index) with = &*keys;
  if (!with) return drop(wg_drop::unknown_index); // a handshake that is still open
  if (now - with->made >= wg_time::reject_after) return drop(wg_drop::too_old);
  if (get_at<std::uint64_t>(data, data.size() - tag_octets) != with->key)
    return drop(wg_drop::bad_key);
  if (!with->seen.accept(get_at<std::uint64_t>(data, 8))) return drop(wg_drop::replayed);

  p.where = from; // roaming: the peer made this packet, so it is there
  const bool confirmed = p.keys[next] && with == &*p.keys[next];
  if (confirmed) {
    promote(p);
    completed(p, now);
    flush_staged(p, now);
  }
  keep_fresh_receiving(p, now);
  traversed(p, now);
  set(p, new_handshake, never);
  p.rx += data.size();
  deliver(p, data.subspan(header_octets, data.size() - header_octets - tag_octets), now);
}

void fake_wireguard::deliver(peer& p, net::byte_view plain, time_point now) {
  if (plain.empty()) return; // a keepalive
  if (p.due[send_keepalive] == never)
    set(p, send_keepalive, now + wg_time::keepalive);
  else
    p.another_keepalive = true;
  if (plain.size() < inner_octets_min) return drop(wg_drop::malformed);
  inner_packet inner;
  inner.reply = plain[kind_at] == kind_reply;
  inner.octets = get_at<std::uint16_t>(plain, octets_at);
  inner.from = address_of(get_at<std::uint32_t>(plain, from_at), p.allowed);
  inner.to = address_of(get_at<std::uint32_t>(plain, to_at), address_);
  inner.token = get_at<std::uint64_t>(plain, token_at);
  if (inner.from != p.allowed || !p.allowed.leased()) return drop(wg_drop::not_allowed, &inner);
  around_.receive(inner);
}

} // namespace lanrage::sim
