#pragma once

#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "net/relay/routing.hpp"
#include "net/wg_packet.hpp"
#include "tests/support/splitmix.hpp"

#include <chrono>
#include <string>
#include <vector>

/// A relay core with a hand-driven clock, and members that speak to it as the daemon would.
namespace lanrage::net::relay::test {

using namespace std::chrono_literals;

inline relay_limits small_limits() {
  relay_limits out;
  out.members = 8;
  out.routes = 40;
  out.routes_per_member = 16;
  out.members_per_party = 5;
  out.parties_per_member = 3;
  out.provisional_per_peer = 4;
  out.lifetime = 300s;
  out.route_idle = 240s;
  out.cookie_period = 1h;
  out.timestamp_ahead = 600s;
  out.membership_grace = 24h * 7;
  out.rate_kbit_s = 100'000;
  out.burst = 250ms;
  out.refusals_per_source_s = 10;
  out.stun_per_source_s = 50;
  out.proofs_per_source_s = 20;
  out.mac1_tests_s = 20'000;
  out.packet_budget_s = 1'000;
  return out;
}

inline endpoint at(std::string_view text) {
  return *endpoint::parse(text);
}

inline session_index index(std::uint32_t value) {
  byte_writer out;
  return {*session_index::from(out.u32(value).view())};
}

/// WireGuard's headers with made-up contents (WireGuard paper, 5.4).
inline bytes initiation(const wg_public_key& to, const session_index& sender) {
  byte_writer out;
  out.u8(1).zeros(3).raw(sender.view());
  for (std::uint8_t i = 0; out.view().size() < 116; ++i)
    out.u8(i);
  const auto mac = blake2s_mac(wg::mac1_key(to), {out.view()});
  return out.raw(mac.view()).zeros(16).take();
}
inline bytes response(const session_index& sender, const session_index& receiver) {
  return byte_writer{}.u8(2).zeros(3).raw(sender.view()).raw(receiver.view()).zeros(80).take();
}
inline bytes cookie_reply(const session_index& receiver) {
  return byte_writer{}.u8(3).zeros(3).raw(receiver.view()).zeros(56).take();
}
inline bytes data(const session_index& receiver, std::size_t size = 128) {
  return byte_writer{}.u8(4).zeros(3).raw(receiver.view()).zeros(size - 8).take();
}

struct world {
  explicit world(relay_limits l = small_limits(), std::uint64_t seed = 1)
      : limits(l), random(seed), relay_private(generate_x25519<relay_private_key>(random.source())),
        control(generate_secret<token_private_key>(random.source())), core(make_core()) {}

  relay_core make_core() {
    return relay_core{relay_private, public_key(control), limits, random.source()};
  }
  /// What came out, with its octets kept.
  struct output {
    verdict::action what{};
    endpoint to;
    bytes payload;
    bool nothing() const { return what == verdict::action::drop; }
    bool forwarded_to(const endpoint& where, const bytes& same) const {
      return what == verdict::action::forward && to == where && payload == same;
    }
    std::optional<frame_kind> kind() const {
      return what == verdict::action::answer ? kind_of(payload) : std::nullopt;
    }
  };
  output send(const bytes& datagram, const endpoint& from) {
    const auto out = core.receive(datagram, {from, is_flow(from) ? via_stream : 0}, now);
    return {out.what, out.to, {out.payload.begin(), out.payload.end()}};
  }
  void pass(std::chrono::milliseconds time) {
    now.steady += time;
    now.unix += time;
  }
  /// Long enough for any expiry: every place is visited.
  void sweep() { core.tick(now, 100'000); }

  relay_limits limits;
  lanrage::test::splitmix random;
  instant now{steady_time{} + 1000h, unix_time{std::chrono::milliseconds{1'800'000'000'000}}};
  relay_private_key relay_private;
  token_private_key control;
  relay_core core;
};

inline party_id party(std::uint8_t n) {
  party_id out;
  out.octets.fill(n);
  return out;
}

/// One member as the relay meets it.
struct fake_member {
  fake_member(world& w, std::string_view where, std::vector<party_id> in = {party(1)})
      : of(w), secret(generate_x25519<wg_private_key>(w.random.source())), key(public_key(secret)),
        hash(hash_of(key)), mac_key(*relay_key(secret, w.core.key())), address(at(where)),
        parties(std::move(in)) {}

  relay_token token(const party_id& p) const {
    relay_token out;
    out.member = key;
    out.party = p;
    out.relay = of.core.id();
    out.expires_unix_s = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(of.now.unix.time_since_epoch() + 24h)
            .count());
    return out;
  }
  std::vector<bytes> tokens() const {
    std::vector<bytes> out;
    for (const auto& p : parties)
      out.push_back(encode(sign(token(p), of.control)));
    return out;
  }
  /// A registration ready to send; fields may still be changed.
  registration say(std::vector<route_claim> routes = {}) {
    timestamp =
        std::max(timestamp + 1, static_cast<std::uint64_t>(of.now.unix.time_since_epoch().count()));
    return {key, value, timestamp, tokens(), std::move(routes)};
  }
  void hello_first() {
    const auto out = of.send(encode(hello{key}), address);
    value = decode_challenge(out.payload).value().value;
  }
  world::output send(const registration& said) { return of.send(encode(said, mac_key), address); }
  world::output join(std::vector<route_claim> routes = {}) {
    hello_first();
    return send(say(std::move(routes)));
  }
  world::output renew(std::vector<route_claim> routes = {}) {
    auto said = say(std::move(routes));
    said.tokens.clear();
    return send(said);
  }
  std::optional<refusal> refusal_in(const world::output& out) const {
    const auto said = decode_refused(out.payload, mac_key);
    return said ? std::optional{said->code} : std::nullopt;
  }
  world::output send(const bytes& packet) { return of.send(packet, address); }

  world& of;
  wg_private_key secret;
  wg_public_key key;
  member_hash hash;
  shared_key mac_key;
  endpoint address;
  std::vector<party_id> parties;
  cookie value;
  std::uint64_t timestamp = 0;
};

/// A whole handshake from `a` to `b` through the relay; true when every packet arrived.
inline bool shake_hands(fake_member& a, const session_index& of_a, fake_member& b,
                        const session_index& of_b) {
  const auto first = initiation(b.key, of_a);
  const auto second = response(of_b, of_a);
  return a.send(first).forwarded_to(b.address, first) &&
         b.send(second).forwarded_to(a.address, second);
}

} // namespace lanrage::net::relay::test
