#include "net/relay/routing.hpp"

#include <algorithm>

namespace lanrage::net::relay {

using namespace std::chrono_literals;

namespace {

/// Places for sources that proved nothing: 512 KiB per kind of answer.

/// A household starts its members together, and each asks for its address several times at once.
constexpr std::chrono::nanoseconds source_burst = 1s;
constexpr std::chrono::nanoseconds mac1_burst = 250ms;

std::uint64_t draw_seed(const random_source& random) {
  std::array<std::uint8_t, 8> raw{};
  random(raw);
  return byte_reader{raw}.u64();
}

} // namespace

relay_core::relay_core(const relay_private_key& own, const token_public_key& tokens,
                       const relay_limits& limits, random_source random)
    : own_(own), public_key_(net::public_key(own)), id_(id_of(public_key_)), tokens_(tokens),
      limits_(limits), random_(std::move(random)), seed_(draw_seed(random_)),
      members_(limits, seed_), refusal_gates_(seed_ + 1, limits.refusals_per_source_s, 0ns),
      stun_gates_(seed_ + 2, limits.stun_per_source_s, source_burst),
      proof_gates_(seed_ + 3, limits.proofs_per_source_s, source_burst), cookie_secret_(draw()),
      cookie_secret_before_(draw()) {}

verdict relay_core::receive(byte_view datagram, const arrival& from, instant now) {
  ++count_.datagrams;
  count_.octets += datagram.size();
  if (!from.from.valid()) return dropped(&counters::malformed);
  // Whoever forges a flow's address in a datagram is nobody.
  const bool streamed = from.via == via_stream;
  if (is_flow(from.from) != streamed) return dropped(&counters::malformed);
  switch (classify(datagram)) {
  case datagram_class::wireguard:
    return wireguard(datagram, from, now);
  case datagram_class::relay:
    return frame(datagram, from, now);
  case datagram_class::stun:
    if (streamed) break; // it asks where UDP comes from
    return stun_request(datagram, from, now);
  case datagram_class::probe:
    return path_check(datagram, from, now);
  case datagram_class::other:
    break;
  }
  return dropped(&counters::not_ours);
}

/// Two members' question whether their path through this relay lives: it goes by the member it
/// names, unread, to whom WireGuard's packets would go, too.
verdict relay_core::path_check(byte_view datagram, const arrival& from, instant now) {
  const auto kind = kind_of(datagram);
  if (kind != frame_kind::path_check && kind != frame_kind::path_answer)
    return dropped(&counters::not_ours); // probes between members are about direct paths
  const auto header = peek_probe(datagram);
  if (!header) return dropped(&counters::malformed);
  auto* sender = members_.at(from.from, now.steady);
  if (!sender || sender->hash != header->from) {
    ++count_.unregistered;
    return refuse_stranger(from, datagram.size(), refusal::unregistered, now);
  }
  const auto cost = sender->octet_cost * static_cast<std::int64_t>(datagram.size());
  if (!sender->sending.admit(now.steady, cost, limits_.burst))
    return dropped(&counters::rate_sender);
  auto* receiver = members_.find(header->to, now.steady);
  if (!receiver) return dropped(&counters::no_such_peer);
  if (!members_.share_party(*sender, *receiver)) return dropped(&counters::other_party);
  const auto done = pass(datagram, *sender, *receiver, now);
  if (done.what == verdict::action::forward) ++count_.path_checks;
  return done;
}

verdict relay_core::wireguard(byte_view datagram, const arrival& from, instant now) {
  const auto header = wg::parse_header(datagram);
  if (!header) return dropped(&counters::malformed);
  auto* sender = members_.at(from.from, now.steady);
  if (!sender) {
    ++count_.unregistered;
    return refuse_stranger(from, datagram.size(), refusal::unregistered, now);
  }
  const auto cost = sender->octet_cost * static_cast<std::int64_t>(datagram.size());
  if (!sender->sending.admit(now.steady, cost, limits_.burst))
    return dropped(&counters::rate_sender);

  if (header->kind == wg::packet_kind::initiation) {
    if (!sender->mac1_tests.open(now.steady, mac1_burst)) return dropped(&counters::mac1_limited);
    auto* receiver = receiver_of(datagram, *sender, now.steady);
    if (receiver) return deliver(datagram, *sender, *receiver, *header, now);
    ++count_.no_such_peer;
    return refuse_member(*sender, from, refusal::no_such_peer, *header->sender, now);
  }
  auto* r = sender->routes.find(*header->receiver, now.steady, limits_.route_idle);
  if (!r) {
    ++count_.unknown_index;
    return refuse_member(*sender, from, refusal::unknown_index, *header->receiver, now);
  }
  auto* receiver = resolve(*r, now.steady);
  if (!receiver) {
    ++count_.no_such_peer;
    return refuse_member(*sender, from, refusal::no_such_peer, *header->receiver, now);
  }
  // Checked for every packet, not when the route is made: who leaves a party is out at once.
  if (!members_.share_party(*sender, *receiver)) return dropped(&counters::other_party);
  r->proven = true;
  r->used = now.steady;
  return deliver(datagram, *sender, *receiver, *header, now);
}

verdict relay_core::deliver(byte_view datagram, member& sender, member& receiver,
                            const wg::packet_header& header, instant now) {
  const auto done = pass(datagram, sender, receiver, now);
  if (done.what != verdict::action::forward) return done;
  // The receiver will address the sender by the sender's index.
  if (header.sender) learn(receiver, *header.sender, sender, now.steady);
  switch (header.kind) {
  case wg::packet_kind::initiation:
    ++count_.initiations;
    break;
  case wg::packet_kind::response:
    ++count_.responses;
    break;
  case wg::packet_kind::cookie:
    ++count_.cookies;
    break;
  case wg::packet_kind::data:
    ++count_.data;
    break;
  }
  return done;
}

/// The one place where a datagram goes from a member to another; they share a party.
verdict relay_core::pass(byte_view datagram, member& sender, member& receiver, instant now) {
  sender.heard = now.steady;
  if (!receiver.address.valid()) return dropped(&counters::no_such_peer);
  const auto cost = receiver.octet_cost * static_cast<std::int64_t>(datagram.size());
  if (!receiver.receiving.admit(now.steady, cost, limits_.burst))
    return dropped(&counters::rate_receiver);
  ++count_.forwarded;
  count_.forwarded_octets += datagram.size();
  count_load(now.steady);
  return {verdict::action::forward, receiver.address, receiver.via, datagram};
}

/// Whose key the initiation's mac1 was made for, among the members of the sender's parties. Tries
/// first the latest receiver (a retry), then the others in the order they were last initiated to
/// (all are rekeyed at the same interval, so the next one is the longest ago), then the rest.
member* relay_core::receiver_of(byte_view initiation, member& sender, steady_time now) {
  ++searches_;
  std::int64_t tests = 0;
  sender.tested = searches_;
  const auto matches = [&](slot place) -> member* {
    auto* candidate = members_.in(place, now);
    if (!candidate || candidate->tested == searches_) return nullptr;
    if (!members_.share_party(sender, *candidate)) return nullptr;
    candidate->tested = searches_;
    ++tests;
    return wg::mac1_matches(initiation, candidate->mac1_key) ? candidate : nullptr;
  };
  auto& before = sender.initiated;
  member* found = before.empty() ? nullptr : matches(before.back());
  for (std::size_t i = 0; !found && i + 1 < before.size(); ++i)
    found = matches(before[i]);
  for (std::size_t p = 0; !found && p < sender.parties.size(); ++p)
    for (const auto place : members_.party(sender.parties[p]))
      if ((found = matches(place))) break;

  count_.mac1_tests += static_cast<std::uint64_t>(tests);
  const auto each = std::chrono::nanoseconds{1s} / std::max<std::uint32_t>(limits_.mac1_tests_s, 1);
  sender.mac1_tests.charge(now, each * tests);
  if (!found) return nullptr;
  const auto place = members_.place_of(*found);
  std::erase(before, place);
  if (before.size() >= limits_.members_per_party) before.erase(before.begin());
  before.push_back(place);
  return found;
}

/// The member a route leads to, if it is registered. A route may be older than its end's
/// registration: claims after a restart come in any order.
member* relay_core::resolve(route& r, steady_time now) {
  auto* hinted = members_.in(r.hint, now);
  if (hinted && hinted->hash == r.to) return hinted;
  auto* found = members_.find(r.to, now);
  r.hint = found ? members_.place_of(*found) : no_slot;
  return found;
}

void relay_core::learn(member& owner, const session_index& index, const member& to,
                       steady_time now) {
  const auto done = owner.routes.learn(index, to.hash, members_.place_of(to), now, limits_,
                                       members_.room_for_routes());
  if (done == route_table::outcome::refused) ++count_.routes_refused;
  if (done == route_table::outcome::added) members_.count_routes(1);
  if (done != route_table::outcome::refused) ++count_.routes_learned;
}

void relay_core::count_load(steady_time now) {
  if (const auto passed = now - load_since_; passed >= 1s) {
    const auto each_s = load_packets_ * 1'000 /
                        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(passed / 1ms));
    count_.load_permille = std::min<std::uint64_t>(
        each_s * 1'000 / std::max<std::uint32_t>(limits_.packet_budget_s, 1), 1'000);
    load_since_ = now;
    load_packets_ = 0;
  }
  ++load_packets_;
}

void relay_core::tick(instant now, std::size_t slice) {
  if (!cookies_dated_ || now.steady - cookies_since_ >= limits_.cookie_period)
    rotate_cookies(now.steady);
  // A captured registration is void once its cookie is: two periods after it was given.
  members_.forget_departed(now.steady - 2 * limits_.cookie_period);
  if (members_.departed() > limits_.members) void_cookies(now.steady);
  const auto gone = members_.sweep(slice, now);
  count_.members_expired += gone.members;
  count_.routes_expired += gone.routes;
  if (now.steady - load_since_ >= 2s) count_.load_permille = 0;
  gauge();
}

bool relay_core::flow_used(const endpoint& flow, instant now) {
  const auto* who = members_.at(flow, now.steady);
  return who && who->address == flow;
}

void relay_core::gauge() {
  count_.members = members_.size();
  count_.parties = members_.party_count();
  count_.routes = members_.route_count();
}

verdict relay_core::dropped(std::uint64_t counters::*reason) {
  ++(count_.*reason);
  return {};
}

} // namespace lanrage::net::relay
