#include "actors/directory/lan_neighbours.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {

std::uint64_t apart(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : b - a;
}

} // namespace

lan_neighbours::lan_neighbours(net::random_source secrets, net::random_source jitter)
    : secrets_(std::move(secrets)), jitter_(std::move(jitter)) {}

// --- when to announce ---------------------------------------------------------------------------

std::vector<lan_neighbours::neighbour_key>
lan_neighbours::network(std::vector<std::string> interfaces, msg::time_point now,
                        msg::unix_ms wall) {
  interfaces_ = std::move(interfaces);
  listening_since_ = wall;
  std::vector<neighbour_key> gone;
  for (auto& [key, each] : all_)
    if (std::exchange(each.near, false)) gone.push_back(key);
  announce_at_.reset();
  if (active()) {
    new_nonce(now); // who is heard before we spoke is answered with it
    announce_soon(now);
  }
  return gone;
}

void lan_neighbours::announce_soon(msg::time_point now) {
  if (!active()) return;
  again_.reset();
  const auto due = now + jittered();
  announce_at_ = announce_at_ ? std::min(*announce_at_, due) : due;
}

void lan_neighbours::announced(msg::time_point now) {
  new_nonce(now);
  announce_at_ = now + again_.next() + jittered();
}

msg::time_point::duration lan_neighbours::jittered() {
  std::array<std::uint8_t, 2> raw{};
  jitter_(raw);
  net::byte_reader in{raw};
  constexpr std::chrono::nanoseconds most = defaults::lan_jitter;
  return most / 0x10000 * in.u16();
}

void lan_neighbours::new_nonce(msg::time_point now) {
  own_nonce fresh;
  secrets_(fresh.value.octets);
  fresh.since = now;
  nonces_.push_back(fresh);
  if (nonces_.size() > nonces_max) nonces_.pop_front();
}

bool lan_neighbours::is_ours(const net::lan_nonce& nonce, msg::time_point now) const {
  return std::any_of(nonces_.begin(), nonces_.end(), [&](const own_nonce& each) {
    return each.value == nonce && now - each.since <= defaults::lan_nonce_lifetime;
  });
}

std::vector<lan_neighbours::neighbour*> lan_neighbours::take_owed(const net::party_id& party) {
  std::vector<neighbour*> out;
  for (auto at = all_.lower_bound({party, net::member_hash{}});
       at != all_.end() && at->first.first == party && out.size() < net::lan_echoes_max; ++at)
    if (std::exchange(at->second.owes_proof, false)) out.push_back(&at->second);
  return out;
}

// --- what is heard ------------------------------------------------------------------------------

bool lan_neighbours::worth_checking(const net::party_id& party, const net::lan_announcement& said,
                                    msg::time_point now) {
  const auto known = all_.find({party, net::hash_of(said.from)});
  if (known == all_.end()) {
    if (all_.size() >= defaults::lan_members_max) return false;
  } else if (known->second.key != said.from || said.counter <= known->second.counter) {
    return false;
  }
  return checks_.take(now);
}

void lan_neighbours::remember(const net::party_id& party, const net::wg_public_key& key,
                              std::uint64_t counter) {
  auto& it = all_[{party, net::hash_of(key)}];
  it.key = key;
  it.counter = std::max(it.counter, counter);
}

std::uint64_t lan_neighbours::counter_of(const net::party_id& party,
                                         const net::wg_public_key& key) const {
  const auto found = all_.find({party, net::hash_of(key)});
  return found == all_.end() || found->second.key != key ? 0 : found->second.counter;
}

lan_neighbours::hearing lan_neighbours::hear(const net::party_id& party,
                                             const net::lan_announcement& said,
                                             const net::member_hash& own,
                                             const msg::lan_place& from, msg::time_point now,
                                             msg::unix_ms wall) {
  auto& it = all_[{party, net::hash_of(said.from)}];
  it.key = said.from;
  it.counter = said.counter;
  it.nonce = said.nonce;
  it.record = said.version;
  hearing out;
  out.of = &it;
  const auto echo =
      std::find_if(said.echoes.begin(), said.echoes.end(), [&](const net::lan_echo& each) {
        return each.to == own && is_ours(each.nonce, now);
      });
  const bool proven = echo != said.echoes.end();
  const auto off = apart(said.time_unix_ms, static_cast<std::uint64_t>(wall.count()));
  constexpr std::chrono::milliseconds window = defaults::lan_clock_window;
  const bool timely = off <= static_cast<std::uint64_t>(window.count()) &&
                      said.time_unix_ms >= static_cast<std::uint64_t>(listening_since_.count());
  out.fresh = proven || timely;
  if (!out.fresh) {
    it.owes_proof = true;
    return out;
  }
  it.owes_proof = false;
  it.place = from;
  it.heard_at = now;
  out.came = !std::exchange(it.near, true);
  out.answer = !(proven && echo->near);
  if (proven) out.has_ours = echo->version;
  return out;
}

lan_neighbours::neighbour* lan_neighbours::find(const net::party_id& party,
                                                const net::member_hash& who) {
  const auto found = all_.find({party, who});
  return found == all_.end() ? nullptr : &found->second;
}

const lan_neighbours::neighbour* lan_neighbours::near(const net::party_id& party,
                                                      const net::wg_public_key& who) const {
  const auto found = all_.find({party, net::hash_of(who)});
  const bool here = found != all_.end() && found->second.near && found->second.key == who;
  return here ? &found->second : nullptr;
}

bool lan_neighbours::anybody_near() const {
  return std::any_of(all_.begin(), all_.end(), [](const auto& each) { return each.second.near; });
}

std::vector<lan_neighbours::neighbour_key> lan_neighbours::expire(msg::time_point now) {
  std::vector<neighbour_key> gone;
  for (auto& [key, each] : all_) {
    if (!each.near || now - each.heard_at < defaults::lan_near_for) continue;
    each.near = false;
    gone.push_back(key);
  }
  return gone;
}

void lan_neighbours::forget(const net::party_id& party) {
  std::erase_if(all_, [&](const auto& each) { return each.first.first == party; });
}

std::optional<msg::time_point> lan_neighbours::deadline() const {
  auto first = announce_at_;
  for (const auto& [key, each] : all_) {
    if (!each.near) continue;
    const auto until = each.heard_at + defaults::lan_near_for;
    first = first ? std::min(*first, until) : until;
  }
  return first;
}

// --- letters ------------------------------------------------------------------------------------

std::optional<net::bytes> lan_letters::add(const net::party_id& party, const net::lan_letter& part,
                                           msg::time_point now) {
  if (part.parts == 1) return part.octets;
  std::erase_if(all_, [&](const auto& each) {
    return now - each.second.since > defaults::lan_letter_deadline;
  });
  const key of{party, part.from, part.kind};
  auto found = all_.find(of);
  if (found != all_.end() &&
      (found->second.id != part.id || found->second.parts.size() != part.parts)) {
    all_.erase(found);
    found = all_.end();
  }
  if (found == all_.end()) {
    if (all_.size() >= defaults::lan_letters_max) return std::nullopt;
    found = all_.emplace(of, partial{part.id, std::vector<net::bytes>(part.parts), now}).first;
  }
  auto& parts = found->second.parts;
  parts[part.part] = part.octets;
  net::bytes whole;
  for (const auto& each : parts) {
    if (each.empty()) return std::nullopt;
    whole.insert(whole.end(), each.begin(), each.end());
  }
  all_.erase(found);
  return whole;
}

void lan_letters::forget(const net::party_id& party) {
  std::erase_if(all_, [&](const auto& each) { return each.first.party == party; });
}

} // namespace lanrage::actors
