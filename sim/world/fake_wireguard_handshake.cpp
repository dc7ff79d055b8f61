#include "net/crypto.hpp"
#include "net/wg_packet.hpp"
#include "sim/world/fake_wireguard.hpp"
#include "sim/world/octets.hpp"

/// Handshakes. Outside they are WireGuard's, with a real mac1, so that a relay can route them; what
/// would be encrypted stands there in the clear.
namespace lanrage::sim {

namespace {

constexpr std::size_t initiation_octets = 148;
constexpr std::size_t response_octets = 92;
constexpr std::size_t mac1_at = initiation_octets - 32;

// Initiation: type, sender index, then
constexpr std::size_t static_at = 8;
constexpr std::size_t ephemeral_at = 40;
constexpr std::size_t stamp_at = 48;
// Response: type, sender index, receiver index, then
constexpr std::size_t answer_at = 12;
constexpr std::size_t proof_at = 20;

/// What only those know who saw both ephemerals.
std::uint64_t key_of(std::uint64_t initiator, std::uint64_t responder) {
  return net::splitmix64{initiator ^ (responder << 1 | responder >> 63)}.next();
}
std::uint64_t proof_of(std::uint64_t initiator, std::uint64_t responder) {
  return net::splitmix64{~key_of(initiator, responder)}.next();
}

} // namespace

std::uint32_t fake_wireguard::new_index(peer& p) {
  for (;;) {
    const auto index = static_cast<std::uint32_t>(random_.next());
    if (indices_.try_emplace(index, index_entry{slot_of(p), 0}).second) return index;
  }
}

void fake_wireguard::forget_handshake(peer& p) {
  if (p.handshake.at == wg_handshake::phase::initiation_sent) indices_.erase(p.handshake.local);
  p.handshake = {};
}

void fake_wireguard::forget(std::optional<wg_keypair>& keys) {
  if (keys) indices_.erase(keys->local);
  keys.reset();
}

void fake_wireguard::initiate(peer& p, bool retry, time_point now) {
  if (!retry) p.attempts = 0;
  if (p.sent_handshake && now - *p.sent_handshake < wg_time::rekey_timeout) return;
  p.sent_handshake = now; // also when there is nowhere to send it: no other for 5 s
  forget_handshake(p);
  p.handshake = {wg_handshake::phase::initiation_sent, new_index(p), random_.next()};

  scratch_.assign(initiation_octets, 0);
  scratch_[0] = 1;
  put_at(scratch_, 4, p.handshake.local);
  std::copy(own_.octets.begin(), own_.octets.end(), scratch_.begin() + static_at);
  put_at(scratch_, ephemeral_at, p.handshake.ephemeral);
  put_at(scratch_, stamp_at,
         static_cast<std::uint64_t>((unix_epoch_ + now.time_since_epoch()).count()));
  if (!p.mac1_key) p.mac1_key = net::wg::mac1_key(p.key);
  const auto mac = net::blake2s_mac(*p.mac1_key, {net::byte_view{scratch_}.first(mac1_at)});
  std::copy(mac.octets.begin(), mac.octets.end(), scratch_.begin() + mac1_at);

  traversed(p, now);
  set(p, send_keepalive, never);
  if (!transmit(p, scratch_)) drop(wg_drop::no_endpoint);
  set(p, retransmit, now + wg_time::rekey_timeout + jitter());
}

void fake_wireguard::on_initiation(const net::endpoint& from, net::byte_view data, time_point now) {
  if (!net::wg::mac1_matches(data, own_mac1_key_)) return drop(wg_drop::not_for_us);
  const auto who = net::wg_public_key::from(data.subspan(static_at, net::wg_public_key::size));
  const auto known = by_key_.find(*who);
  if (known == by_key_.end()) return drop(wg_drop::unknown_peer);
  auto& p = peers_[known->second];
  const auto stamp = get_at<std::uint64_t>(data, stamp_at);
  if (stamp <= p.last_stamp) return drop(wg_drop::stale_initiation);
  if (p.last_initiation && now - *p.last_initiation < wg_time::initiation_gap)
    return drop(wg_drop::stale_initiation);
  p.last_stamp = stamp;
  p.last_initiation = now;
  p.rx += data.size();
  authentic(p, from, now);
  // It takes the place of our own: the answer to ours will find nothing to belong to.
  forget_handshake(p);
  respond(p, get_at<std::uint32_t>(data, 4), get_at<std::uint64_t>(data, ephemeral_at), now);
}

void fake_wireguard::respond(peer& p, std::uint32_t remote, std::uint64_t ephemeral,
                             time_point now) {
  p.sent_handshake = now;
  const auto ours = random_.next();
  const auto index = new_index(p);
  scratch_.assign(response_octets, 0);
  scratch_[0] = 2;
  put_at(scratch_, 4, index);
  put_at(scratch_, 8, remote);
  put_at(scratch_, answer_at, ours);
  put_at(scratch_, proof_at, proof_of(ephemeral, ours));

  wg_keypair made;
  made.local = index;
  made.remote = remote;
  made.key = key_of(ephemeral, ours);
  made.made = now;
  begin_session(p, made, now);
  traversed(p, now);
  set(p, send_keepalive, never);
  if (!transmit(p, scratch_)) drop(wg_drop::no_endpoint);
}

void fake_wireguard::on_response(const net::endpoint& from, net::byte_view data, time_point now) {
  const auto index = get_at<std::uint32_t>(data, 8);
  const auto known = indices_.find(index);
  if (known == indices_.end()) return drop(wg_drop::unknown_index);
  auto& p = peers_[known->second.of];
  if (p.handshake.at != wg_handshake::phase::initiation_sent || p.handshake.local != index)
    return drop(wg_drop::invalid_response);
  const auto theirs = get_at<std::uint64_t>(data, answer_at);
  if (get_at<std::uint64_t>(data, proof_at) != proof_of(p.handshake.ephemeral, theirs))
    return drop(wg_drop::invalid_response);

  wg_keypair made;
  made.local = index;
  made.remote = get_at<std::uint32_t>(data, 4);
  made.key = key_of(p.handshake.ephemeral, theirs);
  made.made = now;
  made.initiator = true;
  p.handshake = {}; // its index is the session's now
  p.rx += data.size();
  authentic(p, from, now);
  begin_session(p, made, now);
  completed(p, now);
  send_keepalive_packet(p, now); // the responder may send only after it heard from us
}

/// wireguard-go, BeginSymmetricSession.
void fake_wireguard::begin_session(peer& p, wg_keypair made, time_point now) {
  set(p, zero_keys, now + 3 * wg_time::reject_after);
  if (!made.initiator) {
    forget(p.keys[next]);
    forget(p.keys[previous]);
    p.keys[next] = made;
    return;
  }
  forget(p.keys[previous]);
  if (p.keys[next]) {
    forget(p.keys[current]);
    p.keys[previous] = p.keys[next];
    p.keys[next].reset();
  } else {
    p.keys[previous] = p.keys[current];
  }
  p.keys[current] = made;
}

/// The initiator used the new session: so do we.
void fake_wireguard::promote(peer& p) {
  forget(p.keys[previous]);
  p.keys[previous] = p.keys[current];
  p.keys[current] = p.keys[next];
  p.keys[next].reset();
}

void fake_wireguard::completed(peer& p, time_point now) {
  set(p, retransmit, never);
  p.attempts = 0;
  p.last_minute_handshake = false;
  p.latest_handshake = unix_epoch_ + now.time_since_epoch();
  around_.handshake_done(p.key);
}

} // namespace lanrage::sim
