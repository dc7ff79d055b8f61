#include "actors/wg/signal_book.hpp"

#include "net/wg/dump.hpp"

namespace lanrage::actors {

namespace {

msg::wg_signal signal_of(const net::wg_public_key& key, const net::wg::peer_state* peer) {
  msg::wg_signal now;
  now.key = key;
  if (peer) {
    now.rx = peer->rx;
    now.tx = peer->tx;
    now.latest_handshake = peer->latest_handshake;
    now.where = peer->where;
  }
  return now;
}

bool data_moved(const msg::wg_signal& before, const msg::wg_signal& now) {
  return now.tx - before.tx > config::defaults::keepalive_octets ||
         now.rx - before.rx > config::defaults::keepalive_octets;
}

} // namespace

void signal_book::watch(const net::wg_public_key& key) {
  auto& one = watched_[key];
  one.last.key = key;
  one.due = true;
}

void signal_book::unwatch(const net::wg_public_key& key) {
  const auto at = watched_.find(key);
  if (at == watched_.end()) return;
  old_handshakes_.erase(key);
  if (at->second.last.latest_handshake) old_handshakes_[key] = *at->second.last.latest_handshake;
  watched_.erase(at);
}

void signal_book::wrote(const net::wg_public_key& key, const net::endpoint& where) {
  wrote_[key] = where;
}

void signal_book::renewing(const net::wg_public_key& key) {
  renewing_.insert(key);
}

void signal_book::device_renewed() {
  for (auto& [key, one] : watched_)
    one.due = one.lost = true;
}

void signal_book::look_at(watched& one, const net::wg::peer_state* seen, bool asserting,
                          msg::time_point now_at, writer_effects& out) {
  const auto key = one.last.key;
  auto now = signal_of(key, seen);
  const bool moved = now.where != one.last.where;
  const auto written = wrote_.find(key);
  const bool on_purpose = renewing_.count(key) != 0;
  // After a write it is roaming to be anywhere else, otherwise to be anywhere new.
  const bool elsewhere = written != wrote_.end() ? now.where != written->second : moved;
  now.roamed = one.known && !one.lost && now.where && elsewhere && !asserting && !on_purpose;
  // Counters only grow within the life of a peer: a fall means somebody made it anew.
  now.session_lost = one.lost || (one.known && !on_purpose && now.rx < one.last.rx);
  const bool counted = now.rx != one.last.rx || now.tx != one.last.tx ||
                       now.latest_handshake != one.last.latest_handshake;
  if (one.due || moved || counted || now.roamed) out.emplace_back(now);
  auto data_at = one.data_at;
  if (one.known && !now.session_lost && data_moved(one.last, now)) {
    // Once is a health check; again within this is a user.
    if (data_at && now_at - *data_at <= config::defaults::traffic_for)
      busy_until_ = now_at + config::defaults::traffic_for;
    data_at = now_at;
  }
  one = {now, false, true, false, data_at};
}

void signal_book::look_at_unwatched(const net::wg::peer_state& seen, writer_effects& out) {
  if (!seen.latest_handshake) return;
  const auto [old, first] = old_handshakes_.try_emplace(seen.key, *seen.latest_handshake);
  if (!first && std::exchange(old->second, *seen.latest_handshake) == *seen.latest_handshake)
    return;
  out.emplace_back(msg::handshake_seen{seen.key});
}

void signal_book::look(const net::wg::observation& seen,
                       const std::set<net::wg_public_key>& asserting, msg::time_point now,
                       writer_effects& out) {
  auto peer = seen.peers.begin(); // both are ordered by key
  for (auto& [key, one] : watched_) {
    for (; peer != seen.peers.end() && peer->key < key; ++peer)
      look_at_unwatched(*peer, out);
    const auto* found = peer != seen.peers.end() && peer->key == key ? &*peer++ : nullptr;
    look_at(one, found, asserting.count(key) != 0, now, out);
  }
  for (; peer != seen.peers.end(); ++peer)
    look_at_unwatched(*peer, out);
  std::erase_if(old_handshakes_,
                [&](const auto& old) { return !net::wg::find_peer(seen, old.first); });
  wrote_.clear();
  renewing_.clear();
}

void signal_book::tell(const net::wg_public_key& key, const net::wg::observation& seen,
                       writer_effects& out) {
  const auto at = watched_.find(key);
  if (at == watched_.end()) return;
  auto& one = at->second;
  const auto now = signal_of(key, net::wg::find_peer(seen, key));
  out.emplace_back(now);
  one = {now, false, true, one.lost, one.data_at};
}

} // namespace lanrage::actors
