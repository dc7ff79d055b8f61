#include "actors/relay/relay_table.hpp"

#include "config/path_defaults.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace lanrage::actors {

namespace defaults = config::defaults;
using namespace std::chrono_literals;

namespace {

constexpr auto unknown_distance = std::chrono::microseconds::max();

bool clearly_nearer(std::chrono::microseconds candidate, std::chrono::microseconds than) {
  if (candidate == unknown_distance) return false;
  if (than == unknown_distance) return true;
  const auto gain = than - candidate;
  return gain > defaults::relay_nearer_by && gain * 100 > than * defaults::relay_nearer_by_percent;
}

/// A peer may claim any distance; sums must not overflow.
bool sane(const net::relay_leg& leg) {
  return leg.rtt >= 0us && leg.rtt <= 60s;
}

/// Worth telling: another set or order of relays, or a distance that moved by more than noise.
bool differ(const msg::own_legs& a, const msg::own_legs& b) {
  if (a.legs.size() != b.legs.size() || a.streams != b.streams) return true;
  for (std::size_t i = 0; i < a.legs.size(); ++i) {
    const auto& x = a.legs[i];
    const auto& y = b.legs[i];
    if (x.relay != y.relay || clearly_nearer(x.rtt, y.rtt) || clearly_nearer(y.rtt, x.rtt))
      return true;
  }
  return false;
}

} // namespace

relay_table::relay_table(const net::wg_private_key& own, std::chrono::milliseconds unix_now,
                         time_point now, relay_table_memory remembered, relay_wishes wishes)
    : own_(own), identity_{net::public_key(own), net::hash_of(net::public_key(own))},
      unix_offset_(unix_now -
                   std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch())),
      remembered_(std::move(remembered)), wishes_(std::move(wishes)) {
  if (remembered_.udp_blocked) udp_.presume_blocked();
}

void relay_table::listed(const msg::relays_listed& list, time_point now, relay_effects& out) {
  remembered_.listed = list;
  std::map<net::relay_id, net::relay_info> wanted;
  for (auto info : list.relays) {
    if (!have_v4_ && info.address6) info.address = *info.address6;
    if (wanted.size() < net::relays_max && info.address.valid() &&
        wishes_.avoid.count(info.name) == 0)
      wanted.emplace(info.id(), info);
  }
  for (auto at = relays_.begin(); at != relays_.end();) {
    const auto kept = wanted.find(at->first);
    if (kept != wanted.end() && kept->second == at->second.info()) {
      ++at;
      continue;
    }
    at->second.release(now, out);
    remembered_.relays[at->first] = at->second.memory();
    by_address_.erase(at->second.info().address);
    if (auto& way = ways_[at->first]; !way.closed()) close_stream(at->first, way, out);
    ways_.erase(at->first);
    asked_.erase(at->first);
    for_peers_.erase(at->first);
    legs_.erase(at->first);
    at = relays_.erase(at);
  }
  tokens_ = list.tokens;
  for (const auto& [id, info] : wanted)
    if (relays_.count(id) == 0) add(info);
  give_tokens(now, out);
  choose(now, out); // relays known from before are resumed at once
  for (auto& [id, relay] : relays_)
    relay.measure(now, out); // the others race
  measure_at_ = now + defaults::relay_measure_every;
  settle(now, out);
}

void relay_table::add(const net::relay_info& info) {
  const auto key = net::relay_key(own_, info.key);
  if (!key) return; // a key that agrees on nothing is nobody's
  const auto known = remembered_.relays.find(info.id());
  relays_.emplace(info.id(), relay_session{info, *key, identity_, unix_offset_,
                                           known == remembered_.relays.end() ? remembered_relay{}
                                                                             : known->second});
  by_address_[info.address] = info.id();
}

/// To each relay its own, unexpired.
void relay_table::give_tokens(time_point now, relay_effects& out) {
  const auto unix_s = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) + unix_offset_);
  std::map<net::relay_id, std::vector<net::bytes>> sorted;
  for (const auto& raw : tokens_) {
    const auto token = net::read_token(raw);
    if (token && token->member == identity_.key &&
        token->expires_unix_s >
            static_cast<std::uint64_t>(std::max<std::int64_t>(unix_s.count(), 0)))
      sorted[token->relay].push_back(raw);
  }
  for (auto& [id, relay] : relays_) {
    hand_over(relay);
    relay.tokens(sorted[id], now, out);
  }
}

void relay_table::receive(const msg::frame_received& frame, time_point now, relay_effects& out) {
  const auto from = by_address_.find(frame.from);
  if (from == by_address_.end() || !frame.data) return;
  auto& relay = relays_.at(from->second);
  if (frame.from == relay.info().address) {
    udp_.heard();
    remembered_.udp_blocked = false;
    auto& way = ways_[from->second];
    if (!relay.by_udp()) { // asked whether UDP works again
      if (net::kind_of(*frame.data) == net::frame_kind::challenge) way.udp_answered(now);
      return settle(now, out);
    }
  }
  hand_over(relay);
  relay.receive(*frame.data, now, out);
  claim_unknown(relay, now, out);
  settle(now, out);
}

/// Our address may be another now: every relay shall know it, and what was far may be near.
void relay_table::network_changed(time_point now, relay_effects& out) {
  for (auto& [id, relay] : relays_) {
    hand_over(relay);
    relay.renew(now, out);
    relay.measure(now, out);
    ways_[id].hurry(now);
  }
  settle(now, out);
}

void relay_table::hosts(const std::vector<net::ip_address>& own, time_point now,
                        relay_effects& out) {
  const auto four = [](const net::ip_address& each) { return each.is_v4(); };
  const bool have = own.empty() || std::any_of(own.begin(), own.end(), four);
  if (std::exchange(have_v4_, have) == have || !remembered_.listed) return;
  listed(msg::relays_listed{*remembered_.listed}, now, out);
}

void relay_table::trouble(const net::relay_id& relay, time_point now, relay_effects& out) {
  const auto found = relays_.find(relay);
  if (found == relays_.end()) return;
  found->second.check(now, out);
  settle(now, out);
}

void relay_table::tick(time_point now, relay_effects& out) {
  if (now >= measure_at_) {
    measure_at_ = now + defaults::relay_measure_every;
    give_tokens(now, out);
    for (auto& [id, relay] : relays_)
      relay.measure(now, out);
  }
  for (auto& [id, relay] : relays_) {
    const auto due = relay.deadline();
    if (!due || *due > now) continue;
    hand_over(relay);
    relay.tick(now, out);
  }
  settle(now, out);
}

std::optional<relay_table::time_point> relay_table::deadline() const {
  std::optional<time_point> out;
  if (!relays_.empty()) out = measure_at_;
  for (const auto& [id, relay] : relays_)
    if (const auto due = relay.deadline(); due && *due < *out) out = due;
  for (const auto& [id, way] : ways_)
    if (const auto due = way.deadline(); due && *due < *out) out = due;
  if (const auto due = udp_.deadline(); due && out && *due < *out) out = due;
  return out;
}

std::chrono::microseconds relay_table::distance(const relay_session& to) const {
  return to.rtt().value_or(unknown_distance);
}

/// The relays to be registered with: those we are, unless a clearly nearer one waits.
std::vector<net::relay_id> relay_table::nearest(std::size_t count) const {
  const auto order = [&](const net::relay_id& a, const net::relay_id& b) {
    const auto key = [&](const net::relay_id& id) {
      const auto& relay = relays_.at(id);
      return std::tuple{!pinned(relay.info()), distance(relay), id};
    };
    return key(a) < key(b);
  };
  const auto better = [&](const relay_session& a, const relay_session& b) {
    if (pinned(a.info()) != pinned(b.info())) return pinned(a.info());
    return clearly_nearer(distance(a), distance(b));
  };
  std::vector<net::relay_id> chosen;
  std::vector<net::relay_id> waiting;
  for (const auto& [id, relay] : relays_) {
    if (!relay.has_tokens() && !relay.registered()) continue;
    if (distance(relay) == unknown_distance) continue;
    const bool ours = relay.wanted() && for_peers_.count(id) == 0;
    (ours ? chosen : waiting).push_back(id);
  }
  std::sort(chosen.begin(), chosen.end(), order);
  std::sort(waiting.begin(), waiting.end(), order);
  for (const auto& candidate : waiting) {
    if (chosen.size() < count) {
      chosen.push_back(candidate);
    } else {
      std::sort(chosen.begin(), chosen.end(), order);
      auto& farthest = chosen.back();
      if (!better(relays_.at(candidate), relays_.at(farthest))) break;
      farthest = candidate;
    }
  }
  std::sort(chosen.begin(), chosen.end(), order);
  if (chosen.size() > count) chosen.resize(count);
  return chosen;
}

/// Registers with who is chosen; leaves who is not once all chosen ones are there and nothing of
/// ours goes through it.
void relay_table::choose(time_point now, relay_effects& out) {
  const auto chosen = nearest(defaults::relays_registered);
  const std::set<net::relay_id> ours{chosen.begin(), chosen.end()};
  // While there are too few, a lost relay is worth asking for as long as it takes.
  bool complete = chosen.size() == defaults::relays_registered;
  for (const auto& id : chosen) {
    auto& relay = relays_.at(id);
    for_peers_.erase(id);
    want(relay, now, out);
    complete = complete && relay.registered();
  }
  for (auto& [id, relay] : relays_)
    if (chosen.size() < defaults::relays_registered && relay.unreachable() && relay.has_tokens())
      want(relay, now, out);
  for (auto& [id, relay] : relays_) {
    if (!relay.wanted() || ours.count(id) != 0 || !relay.listed().empty()) continue;
    const auto asked = for_peers_.find(id);
    if (asked != for_peers_.end()) {
      if (now - asked->second < defaults::relay_for_peer_idle) continue;
      for_peers_.erase(asked);
    } else if (!complete) {
      continue;
    }
    relay.release(now, out);
  }
}

msg::relay_ranking relay_table::rank(const std::vector<net::relay_leg>& peer_legs, time_point now,
                                     relay_effects& out, const std::set<net::relay_id>& excluded) {
  struct ranked {
    bool doubtful;
    bool unpinned;
    bool streamed;
    bool crowded;
    msg::relay_choice choice;
  };
  std::vector<ranked> order;
  for (const auto& leg : peer_legs) {
    const auto found = relays_.find(leg.relay);
    if (found == relays_.end() || excluded.count(leg.relay) != 0 || !sane(leg)) continue;
    auto& relay = found->second;
    if (for_peers_.count(leg.relay) != 0) for_peers_[leg.relay] = now;
    if (!relay.registered()) continue;
    const auto& info = relay.info();
    msg::relay_choice choice{leg.relay, info.name, relay.reached(), distance(relay) + leg.rtt};
    if (relay.streamed()) choice.streamed_from = info.address;
    choice.forecast = forecast(leg);
    choice.load_permille = relay.load_permille();
    choice.failures = relay.failures(now);
    choice.pinned = pinned(info);
    order.push_back({relay.doubtful(now), !choice.pinned, relay.streamed(),
                     relay.load_permille() >= defaults::relay_crowded_permille, std::move(choice)});
  }
  std::sort(order.begin(), order.end(), [](const ranked& a, const ranked& b) {
    return std::tie(a.doubtful, a.unpinned, a.streamed, a.crowded, a.choice.rtt, a.choice.relay) <
           std::tie(b.doubtful, b.unpinned, b.streamed, b.crowded, b.choice.rtt, b.choice.relay);
  });
  msg::relay_ranking ranking;
  for (auto& r : order)
    ranking.choices.push_back(std::move(r.choice));
  serve_peer(peer_legs, ranking, now, out);
  settle(now, out);
  return ranking;
}

/// The peer tells how far it is, not how that varies.
msg::path_forecast relay_table::forecast(const net::relay_leg& peer_leg) const {
  const auto known = legs_.find(peer_leg.relay);
  if (known == legs_.end() || known->second.delays.empty()) return {};
  const auto own = known->second.delays.forecast(persistence_);
  return own + msg::path_forecast{peer_leg.rtt, peer_leg.rtt, {}, 0, own.samples};
}

void relay_table::remember_measurements(time_point now) {
  for (auto& [id, relay] : relays_) {
    const auto measured = relay.take_measurement();
    if (!measured) continue;
    auto& leg = legs_[id];
    // A loss is always news.
    if (*measured && leg.taken && now - *leg.taken < defaults::path_leg_gap) continue;
    leg.taken = now;
    if (*measured)
      leg.delays.answered(**measured, persistence_);
    else
      leg.delays.lost(persistence_);
  }
}

/// The best relay for two is near one of them. Ours we are registered with; the peer's nearest we
/// register with when that promises to be clearly better than what we have in common.
void relay_table::serve_peer(const std::vector<net::relay_leg>& legs,
                             const msg::relay_ranking& have, time_point now, relay_effects& out) {
  const net::relay_leg* best = nullptr;
  auto promised = unknown_distance;
  for (const auto& leg : legs) {
    const auto found = relays_.find(leg.relay);
    if (found == relays_.end() || !sane(leg)) continue;
    if (found->second.wanted() || !found->second.has_tokens()) continue;
    const auto own = distance(found->second);
    const auto sum = own == unknown_distance ? unknown_distance - 1us : own + leg.rtt;
    if (sum < promised) {
      promised = sum;
      best = &leg;
    }
  }
  if (!best || for_peers_.size() >= defaults::relays_for_peers_max) return;
  if (!have.choices.empty() && !clearly_nearer(promised, have.choices.front().rtt)) return;
  for_peers_[best->relay] = now;
  want(relays_.at(best->relay), now, out);
}

void relay_table::want(relay_session& relay, time_point now, relay_effects& out) {
  if (relay.wanted()) return;
  hand_over(relay);
  relay.want(now, out);
}

/// After anything happened: who is wanted, and what of it others should know.
void relay_table::settle(time_point now, relay_effects& out) {
  advance_preparations(now, out);
  remember_measurements(now);
  choose(now, out);
  choose_ways(now, out);
  publish(out);
}

msg::own_legs relay_table::current_legs() const {
  msg::own_legs out;
  for (const auto& [id, relay] : relays_)
    if (relay.registered()) {
      out.legs.push_back({id, distance(relay)});
      if (relay.streamed()) out.streams.push_back(id);
    }
  std::sort(out.legs.begin(), out.legs.end(), [](const auto& a, const auto& b) {
    return std::tie(a.rtt, a.relay) < std::tie(b.rtt, b.relay);
  });
  return out;
}

void relay_table::publish(relay_effects& out) {
  const auto now_registered = current_legs();
  if (!differ(published_, now_registered)) return;
  published_ = now_registered;
  out.publish = published_;
}

relay_table_memory relay_table::memory() const {
  auto out = remembered_;
  for (const auto& [id, relay] : relays_)
    out.relays[id] = relay.memory();
  return out;
}

const relay_session* relay_table::session(const net::relay_id& relay) const {
  const auto found = relays_.find(relay);
  return found == relays_.end() ? nullptr : &found->second;
}

} // namespace lanrage::actors
