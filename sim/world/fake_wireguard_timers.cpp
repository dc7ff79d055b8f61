#include "sim/world/fake_wireguard.hpp"

#include <algorithm>

/// wireguard-go's timers.go.
namespace lanrage::sim {

namespace {
constexpr auto attempts_max = wg_time::rekey_attempt / wg_time::rekey_timeout;
/// A wake names the peer's place and, in the 24 bits above, who it was for.
constexpr std::uint32_t generation_mask = 0xffffff;
} // namespace

void fake_wireguard::arm(peer& p) {
  const auto earliest = *std::min_element(p.due.begin(), p.due.end());
  if (earliest >= p.armed) return; // a wake under way comes early enough and looks again
  p.armed = earliest;
  around_.wake_at(earliest,
                  static_cast<std::uint64_t>(p.generation & generation_mask) << 32 | slot_of(p));
}

void fake_wireguard::wake(std::uint64_t token, time_point now) {
  auto& p = peers_[static_cast<slot>(token)];
  if (!p.used || (p.generation & generation_mask) != token >> 32) return;
  if (p.armed <= now) p.armed = never;
  for (std::size_t i = 0; i < timers; ++i) {
    if (p.due[i] > now) continue;
    p.due[i] = never;
    fire(p, static_cast<timer>(i), now);
  }
  arm(p);
}

void fake_wireguard::fire(peer& p, timer which, time_point now) {
  switch (which) {
  case retransmit:
    return retry_handshake(p, now);
  case send_keepalive:
    send_keepalive_packet(p, now);
    if (!std::exchange(p.another_keepalive, false)) return;
    return set(p, send_keepalive, now + wg_time::keepalive);
  case new_handshake:
    return initiate(p, false, now); // we sent, and nothing came back for 15 s
  case zero_keys:
    forget_handshake(p);
    for (auto& keys : p.keys)
      forget(keys);
    return;
  case persistent:
    if (p.keepalive > duration{}) send_keepalive_packet(p, now);
    return;
  }
}

void fake_wireguard::retry_handshake(peer& p, time_point now) {
  if (p.attempts <= attempts_max) {
    ++p.attempts;
    return initiate(p, true, now);
  }
  set(p, send_keepalive, never);
  for (const auto& each : p.staged) {
    unstage(each);
    drop(wg_drop::gave_up, each.octets == 0 ? nullptr : &each);
  }
  p.staged.clear();
  if (p.due[zero_keys] == never) set(p, zero_keys, now + 3 * wg_time::reject_after);
}

/// Any authentic packet, in or out, puts the persistent keepalive off.
void fake_wireguard::traversed(peer& p, time_point now) {
  if (p.keepalive > duration{}) set(p, persistent, now + p.keepalive);
}

void fake_wireguard::authentic(peer& p, const net::endpoint& from, time_point now) {
  p.where = from;
  traversed(p, now);
  set(p, new_handshake, never);
}

} // namespace lanrage::sim
