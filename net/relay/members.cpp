#include "net/relay/members.hpp"

#include "net/crypto.hpp"
#include "net/relay/flow.hpp"
#include "net/wg_packet.hpp"

#include <algorithm>

namespace lanrage::net::relay {

member_table::member_table(const relay_limits& limits, std::uint64_t seed)
    : limits_(limits), by_key_(0, seeded_hash{seed}), by_hash_(0, seeded_hash{seed}),
      by_address_(0, seeded_hash{seed}), party_by_id_(0, seeded_hash{seed}),
      departed_(0, seeded_hash{seed}) {}

bool member_table::live(const member& who, steady_time now) const {
  return who.used && now - who.heard < limits_.lifetime;
}

member* member_table::live_or_removed(slot place, steady_time now) {
  auto& who = members_[place];
  if (live(who, now)) return &who;
  remove(who, now);
  return nullptr;
}

member* member_table::at(const endpoint& address, steady_time now) {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : live_or_removed(found->second, now);
}

member* member_table::find(const wg_public_key& key, steady_time now) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : live_or_removed(found->second, now);
}

member* member_table::find(const member_hash& hash, steady_time now) {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? nullptr : live_or_removed(found->second, now);
}

member* member_table::in(slot place, steady_time now) {
  return place < members_.size() && live(members_[place], now) ? &members_[place] : nullptr;
}

const member* member_table::in(slot place, steady_time now) const {
  return place < members_.size() && live(members_[place], now) ? &members_[place] : nullptr;
}

member* member_table::add(const wg_public_key& key, steady_time now) {
  const auto hash = hash_of(key);
  // Two keys with one hash are a search of 2^32; whoever comes second only harms itself.
  if (size_ >= limits_.members || by_hash_.count(hash) != 0) return nullptr;
  slot place = static_cast<slot>(members_.size());
  if (free_.empty()) {
    members_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  auto& who = members_[place];
  who.used = true;
  who.key = key;
  who.hash = hash;
  who.mac1_key = wg::mac1_key(key);
  who.heard = now;
  who.timestamp = departed_timestamp(key);
  departed_.erase(key);
  set_rate(who);
  by_key_.emplace(key, place);
  by_hash_.emplace(hash, place);
  ++size_;
  return &who;
}

void member_table::move(member& who, const endpoint& address, std::uint32_t via) {
  who.via = via;
  if (who.address == address) return;
  const auto place = place_of(who);
  if (who.flow.valid()) by_address_.erase(who.flow);
  who.flow = {};
  if (is_flow(who.address))
    who.flow = who.address;
  else if (who.address.valid())
    by_address_.erase(who.address);
  const auto [entry, fresh] = by_address_.try_emplace(address, place);
  if (!fresh) {
    // A cookie proves who is there now; the one before is somewhere else and will say where.
    auto& before = members_[entry->second];
    (before.address == address ? before.address : before.flow) = {};
    entry->second = place;
  }
  who.address = address;
}

void member_table::forget_flow(const endpoint& flow) {
  const auto found = by_address_.find(flow);
  if (found == by_address_.end()) return;
  auto& who = members_[found->second];
  by_address_.erase(found);
  (who.address == flow ? who.address : who.flow) = {};
}

member_table::joining member_table::join(member& who, const party_id& party,
                                         std::uint64_t token_expires_unix_s,
                                         std::uint32_t rate_kbit_s) {
  const auto known = party_by_id_.find(party);
  if (known != party_by_id_.end()) {
    for (auto& m : who.parties) {
      if (m.party != known->second) continue;
      m.token_expires_unix_s = std::max(m.token_expires_unix_s, token_expires_unix_s);
      m.rate_kbit_s = rate_kbit_s;
      set_rate(who);
      return joining::renewed;
    }
    if (parties_[known->second].members.size() >= limits_.members_per_party) return joining::full;
  }
  if (who.parties.size() >= limits_.parties_per_member) return joining::full;
  auto at = static_cast<std::uint32_t>(parties_.size());
  if (known != party_by_id_.end()) {
    at = known->second;
  } else {
    if (free_parties_.empty()) {
      parties_.emplace_back();
    } else {
      at = free_parties_.back();
      free_parties_.pop_back();
    }
    parties_[at].id = party;
    party_by_id_.emplace(party, at);
  }
  parties_[at].members.push_back(place_of(who));
  who.parties.push_back({at, token_expires_unix_s, rate_kbit_s});
  set_rate(who);
  return joining::joined;
}

void member_table::leave(member& who, std::size_t at) {
  const auto party = who.parties[at].party;
  who.parties.erase(who.parties.begin() + static_cast<std::ptrdiff_t>(at));
  auto& entry = parties_[party];
  std::erase(entry.members, place_of(who));
  if (!entry.members.empty()) return;
  party_by_id_.erase(entry.id);
  entry = {};
  free_parties_.push_back(party);
}

void member_table::remove(member& who, steady_time now) {
  while (!who.parties.empty())
    leave(who, who.parties.size() - 1);
  if (who.address.valid()) by_address_.erase(who.address);
  if (who.flow.valid()) by_address_.erase(who.flow);
  by_key_.erase(who.key);
  by_hash_.erase(who.hash);
  restore_departed(who.key, who.timestamp, now);
  routes_ -= who.routes.size();
  const auto place = place_of(who);
  who = {};
  free_.push_back(place);
  --size_;
}

bool member_table::share_party(const member& a, const member& b) const {
  for (const auto& mine : a.parties)
    for (const auto& yours : b.parties)
      if (mine.party == yours.party) return true;
  return false;
}

std::uint64_t member_table::departed_timestamp(const wg_public_key& key) const {
  const auto found = departed_.find(key);
  return found == departed_.end() ? 0 : found->second;
}

void member_table::restore_departed(const wg_public_key& key, std::uint64_t timestamp,
                                    steady_time left) {
  departed_[key] = timestamp;
  departures_.push_back({left, key, timestamp});
}

void member_table::forget_departed(steady_time until) {
  while (!departures_.empty() && departures_.front().left <= until) {
    const auto& first = departures_.front();
    // A member that came back and left again has a younger entry further on.
    const auto found = departed_.find(first.key);
    if (found != departed_.end() && found->second == first.timestamp) departed_.erase(found);
    departures_.pop_front();
  }
}

void member_table::forget_departed() {
  departed_.clear();
  departures_.clear();
}

void member_table::set_rate(member& who) const {
  std::uint32_t rate = 0;
  for (const auto& m : who.parties)
    rate = std::max(rate, m.rate_kbit_s == 0 ? limits_.rate_kbit_s : m.rate_kbit_s);
  if (rate == 0) rate = std::max<std::uint32_t>(limits_.rate_kbit_s, 1);
  // 8 bit per octet over 1000 bit per second and kbit, in nanoseconds.
  who.octet_cost = std::chrono::nanoseconds{std::max<std::uint64_t>(8'000'000 / rate, 1)};
}

member_table::swept member_table::sweep(std::size_t count, instant now) {
  swept out;
  const auto unix_s = std::chrono::duration_cast<std::chrono::seconds>(now.unix.time_since_epoch());
  const auto grace = limits_.membership_grace.count();
  for (count = std::min(count, members_.size()); count > 0; --count) {
    if (sweep_at_ >= members_.size()) sweep_at_ = 0;
    auto& who = members_[sweep_at_++];
    if (!who.used) continue;
    const auto gone = who.routes.expire(now.steady, limits_.route_idle);
    out.routes += gone;
    routes_ -= gone;
    for (auto at = who.parties.size(); at-- > 0;) {
      const auto until = static_cast<std::int64_t>(
          std::min<std::uint64_t>(who.parties[at].token_expires_unix_s, INT64_MAX / 2));
      if (unix_s.count() - until >= grace) leave(who, at);
    }
    if (live(who, now.steady) && !who.parties.empty()) continue;
    remove(who, now.steady);
    ++out.members;
  }
  return out;
}

} // namespace lanrage::net::relay
