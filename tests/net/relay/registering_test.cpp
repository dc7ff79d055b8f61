#include "net/stun.hpp"
#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace lanrage::net::relay::test;

namespace {
using action = verdict::action;
}

TEST_CASE("hello is answered by a smaller challenge and leaves no state") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  const auto before = w.core.snapshot(w.now, false);
  const auto hi = encode(hello{a.key});
  const auto out = a.send(hi);
  REQUIRE(out.kind() == frame_kind::challenge);
  CHECK(out.to == a.address);
  CHECK(hi.size() == 72);
  CHECK(out.payload.size() == 32);
  CHECK(decode_challenge(out.payload)->time_unix_ms == 1'800'000'000'000);
  CHECK(w.core.snapshot(w.now, false) == before);
}

TEST_CASE("registration with cookie, MAC, timestamp and token is answered with address and life") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  const auto out = a.join();
  REQUIRE(out.kind() == frame_kind::registered);
  const auto said = decode_registered(out.payload, a.mac_key);
  REQUIRE(said.has_value());
  CHECK(said->observed == a.address);
  CHECK(said->timestamp == a.timestamp);
  CHECK(said->lifetime == 300s);
  CHECK(said->routes.empty());
  CHECK(w.core.count().registrations == 1);
}

TEST_CASE("a lifetime longer than the frame can tell is told as the longest") {
  auto limits = small_limits();
  limits.lifetime = 24h;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  const auto out = a.join();
  CHECK(decode_registered(out.payload, a.mac_key)->lifetime == 65'535s);
  w.pass(23h);
  a.hello_first();
  CHECK(a.renew().kind() == frame_kind::registered);
}

TEST_CASE("a cookie only holds for its address, its member and its time") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.hello_first();
  b.hello_first();

  SECTION("another address gets a challenge instead") {
    const auto said = a.say();
    a.address = at("198.51.100.1:51821");
    const auto out = a.send(said);
    CHECK(out.kind() == frame_kind::challenge);
    CHECK(out.payload.size() <= encode(said, a.mac_key).size());
  }
  SECTION("another member's cookie gets a challenge instead") {
    auto said = a.say();
    said.value = b.value;
    CHECK(a.send(said).kind() == frame_kind::challenge);
  }
  SECTION("it still holds after one rotation, not after two") {
    w.sweep();
    w.pass(1h);
    w.sweep();
    CHECK(a.send(a.say()).kind() == frame_kind::registered);
    w.pass(1h);
    w.sweep();
    CHECK(a.send(a.say()).kind() == frame_kind::challenge);
  }
  CHECK(w.core.count().registrations <= 1);
}

TEST_CASE("a registration under another key is dropped without a word") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member thief{w, "198.51.100.66:51820"};
  a.hello_first();
  auto said = encode(a.say(), thief.mac_key);
  CHECK(w.send(said, a.address).nothing());
  CHECK(w.core.count().bad_mac == 1);

  SECTION("and so is one altered on its way") {
    said = encode(a.say(), a.mac_key);
    said[70] ^= 1;
    CHECK(w.send(said, a.address).nothing());
    CHECK(w.core.count().bad_mac == 2);
  }
  CHECK(w.core.count().members == 0);
}

TEST_CASE("tokens that do not count") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.hello_first();
  auto said = a.say();
  auto token = a.token(party(1));

  SECTION("of another relay") {
    token.relay.octets[0] ^= 1;
    said.tokens = {encode(sign(token, w.control))};
  }
  SECTION("expired this very second") {
    token.expires_unix_s = 1'800'000'000;
    said.tokens = {encode(sign(token, w.control))};
  }
  SECTION("signed by somebody else") {
    const auto other = generate_secret<token_private_key>(w.random.source());
    said.tokens = {encode(sign(token, other))};
  }
  SECTION("with the party changed after signing") {
    auto forged = sign(token, w.control);
    forged.party = party(2);
    said.tokens = {encode(forged)};
  }
  SECTION("with the rate changed after signing") {
    auto forged = sign(token, w.control);
    forged.rate_kbit_s = 1'000'000;
    said.tokens = {encode(forged)};
  }
  SECTION("stolen from another member and shown with one's own key") {
    said.tokens = b.tokens();
  }

  const auto out = a.send(said);
  REQUIRE(out.kind() == frame_kind::refused);
  CHECK(a.refusal_in(out) == refusal::bad_token);
  CHECK(decode_refused(out.payload, a.mac_key)->authentic);
  CHECK(w.core.count().bad_token == 1);
  CHECK(w.core.count().members == 0);
}

TEST_CASE("one second before its end a token still counts") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.hello_first();
  auto said = a.say();
  auto token = a.token(party(1));
  token.expires_unix_s = 1'800'000'001;
  said.tokens = {encode(sign(token, w.control))};
  CHECK(a.send(said).kind() == frame_kind::registered);
}

TEST_CASE("a bad token beside a good one takes nothing away") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  b.join();
  a.hello_first();
  auto said = a.say();
  said.tokens.insert(said.tokens.begin(), b.tokens().front());
  CHECK(a.send(said).kind() == frame_kind::registered);
  CHECK(shake_hands(a, index(1), b, index(2)));
}

TEST_CASE("no token renews a live registration and nothing else") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.hello_first();
  const auto early = a.renew();
  CHECK(a.refusal_in(early) == refusal::unregistered);
  a.join();
  for (int i = 0; i < 10; ++i) {
    w.pass(299s);
    w.sweep();
    CHECK(a.renew().kind() == frame_kind::registered);
  }
  CHECK(w.core.count().renewals == 10);
  w.pass(300s);
  CHECK(a.refusal_in(a.renew()) == refusal::unregistered);
}

TEST_CASE("a live registration outlives its token by the grace, then its party is gone") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  b.join();
  const auto keep = [&](std::chrono::minutes time) {
    for (auto past = 0min; past < time; past += 4min) {
      w.pass(4min);
      w.sweep();
      a.hello_first();
      a.renew();
      b.hello_first();
      b.renew();
    }
  };
  keep(24h * 8 - 8min);
  CHECK(shake_hands(a, index(1), b, index(2)));
  keep(16min);
  CHECK_FALSE(shake_hands(a, index(3), b, index(4)));
  CHECK(w.core.count().members == 0);
}

TEST_CASE("timestamps only grow") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.hello_first();
  const auto first = a.say();
  CHECK(a.send(first).kind() == frame_kind::registered);

  SECTION("the same again is stale") {
    CHECK(a.refusal_in(a.send(first)) == refusal::stale);
  }
  SECTION("an older one is stale") {
    auto older = first;
    older.timestamp -= 1;
    CHECK(a.refusal_in(a.send(older)) == refusal::stale);
  }
  SECTION("after the registration expired, too") {
    w.pass(301s);
    w.sweep();
    CHECK(w.core.count().members == 0);
    CHECK(a.refusal_in(a.send(first)) == refusal::stale);
  }
  SECTION("after a bye, too") {
    CHECK(a.send(encode(bye{a.key, a.timestamp + 1}, a.mac_key)).nothing());
    CHECK(w.core.count().byes == 1);
    CHECK(a.refusal_in(a.send(first)) == refusal::stale);
    auto same = first;
    same.timestamp += 1;
    CHECK(a.refusal_in(a.send(same)) == refusal::stale);
    same.timestamp += 1;
    CHECK(a.send(same).kind() == frame_kind::registered);
  }
  SECTION("far in the future is stale, so that a wrong clock locks nobody out") {
    auto later = a.say();
    later.timestamp = 1'800'000'000'000 + 600'001;
    CHECK(a.refusal_in(a.send(later)) == refusal::stale);
    later.timestamp -= 1;
    CHECK(a.send(later).kind() == frame_kind::registered);
  }
}

TEST_CASE("a stale registration changes nothing") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.hello_first();
  const auto captured = a.say();
  a.send(captured);
  const auto old = a.address;
  a.address = at("198.51.100.9:4000");
  a.join();
  CHECK(w.core.count().moved == 1);
  w.send(encode(captured, a.mac_key), old);
  CHECK(w.core.count().stale == 1);
  CHECK(w.core.count().moved == 1);
}

TEST_CASE("when too many departed members would have to be remembered, cookies are void instead") {
  auto limits = small_limits();
  limits.proofs_per_source_s = 1'000'000;
  world w{limits};
  std::vector<fake_member> gone;
  std::vector<bytes> captured;
  for (int i = 0; i < 9; ++i) {
    auto& m = gone.emplace_back(w, "198.51.100." + std::to_string(i + 1) + ":51820");
    m.hello_first();
    captured.push_back(encode(m.say(), m.mac_key));
    w.send(captured.back(), m.address);
    m.send(encode(bye{m.key, ++m.timestamp}, m.mac_key));
  }
  w.sweep();
  CHECK(w.core.count().cookies_voided == 1);
  for (std::size_t i = 0; i < gone.size(); ++i)
    CHECK(w.send(captured[i], gone[i].address).kind() == frame_kind::challenge);
  CHECK(gone.front().join().kind() == frame_kind::registered);
}

TEST_CASE("asymmetric work is rationed per source, renewals are not") {
  auto limits = small_limits();
  limits.proofs_per_source_s = 10;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  a.join();
  for (int i = 0; i < 50; ++i)
    CHECK(a.renew().kind() == frame_kind::registered);
  int answered = 0;
  for (int i = 0; i < 50; ++i)
    if (!a.send(a.say()).nothing()) ++answered;
  CHECK(answered == 10); // and the first registration: one second's worth ahead
  CHECK(w.core.count().proofs_limited == 40);
  w.pass(100ms);
  CHECK(a.send(a.say()).kind() == frame_kind::registered);
  CHECK(a.send(a.say()).nothing());
}

TEST_CASE("a full table refuses newcomers and keeps those it has") {
  auto limits = small_limits();
  limits.members = 2;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  a.join();
  b.join();
  CHECK(c.refusal_in(c.join()) == refusal::full);
  CHECK(shake_hands(a, index(1), b, index(2)));
  CHECK(a.renew().kind() == frame_kind::registered);
  b.send(encode(bye{b.key, ++b.timestamp}, b.mac_key));
  CHECK(c.join().kind() == frame_kind::registered);
}

TEST_CASE("a full party refuses newcomers, another party of theirs still works") {
  auto limits = small_limits();
  limits.members_per_party = 2;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  a.join();
  b.join();
  CHECK(c.refusal_in(c.join()) == refusal::full);
  CHECK(w.core.count().members == 2);
  c.parties = {party(1), party(2)};
  CHECK(c.join().kind() == frame_kind::registered);
  CHECK_FALSE(shake_hands(c, index(1), a, index(2)));
}

TEST_CASE("more parties than allowed are left out") {
  world w;
  fake_member a{w, "198.51.100.1:51820", {party(1), party(2), party(3), party(4)}};
  fake_member b{w, "198.51.100.2:51820", {party(4)}};
  CHECK(a.join().kind() == frame_kind::registered);
  b.join();
  CHECK_FALSE(shake_hands(a, index(1), b, index(2)));
  CHECK(w.core.count().full == 1);
}

TEST_CASE("ping is answered to its registered member at its address, at its own size") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  const auto ping = encode(relay_ping{false, a.hash, 77, 0}, a.mac_key);
  const auto out = a.send(ping);
  REQUIRE(out.kind() == frame_kind::pong);
  CHECK(out.payload.size() == ping.size());
  CHECK(verify_frame(out.payload, a.mac_key));
  CHECK(decode_ping(out.payload)->nonce == 77);

  const auto stranger = w.send(ping, b.address);
  REQUIRE(stranger.kind() == frame_kind::refused);
  CHECK(stranger.payload.size() == 16);
  CHECK(a.send(encode(relay_ping{false, a.hash, 78, 0}, b.mac_key)).nothing());
  CHECK(w.core.count().bad_mac == 1);
}

TEST_CASE("pong tells the share of the packet budget in use") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  b.join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  for (int i = 0; i < 500; ++i) { // 250 a second, of a budget of 1000
    w.pass(4ms);
    a.send(data(index(2)));
  }
  const auto out = a.send(encode(relay_ping{false, a.hash, 1, 0}, a.mac_key));
  const auto load = decode_ping(out.payload)->load;
  CHECK(load >= 245);
  CHECK(load <= 255);
}

TEST_CASE("bye needs the member's key and a newer timestamp") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  a.send(encode(bye{a.key, a.timestamp + 1}, b.mac_key));
  a.send(encode(bye{a.key, a.timestamp}, a.mac_key));
  CHECK(w.core.count().byes == 0);
  CHECK(a.send(encode(relay_ping{false, a.hash, 1, 0}, a.mac_key)).kind() == frame_kind::pong);
  a.send(encode(bye{a.key, a.timestamp + 1}, a.mac_key));
  CHECK(w.core.count().byes == 1);
  CHECK(a.send(data(index(1))).payload.size() == 16);
}

TEST_CASE("STUN is answered with the source address, at a limited rate per source") {
  world w;
  const auto request = stun::binding_request({1, 2, 3});
  const auto from = at("203.0.113.7:4242");
  const auto out = w.send(request, from);
  REQUIRE(out.what == action::answer);
  const auto said = stun::parse_response(out.payload);
  REQUIRE(said.has_value());
  CHECK(said->mapped == from);
  CHECK(out.payload.size() <= 32);

  int answered = 0;
  for (int i = 0; i < 10'000; ++i) {
    w.pass(1ms);
    if (!w.send(request, from).nothing()) ++answered;
  }
  CHECK(answered >= 500); // 50 a second, for ten seconds, and one second's worth ahead
  CHECK(answered <= 551);
  const auto six = w.send(request, at("[2001:db8::7]:4242"));
  CHECK(stun::parse_response(six.payload)->mapped == at("[2001:db8::7]:4242"));
}

TEST_CASE("what only a relay says is ignored by a relay") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.join();
  for (const auto& frame :
       {encode(challenge{}), encode(registered{}, a.mac_key),
        encode(refused{refusal::full, {}, {}, false}, nullptr),
        encode(relay_ping{true, a.hash, 1, 0}, a.mac_key), encode(probe{}, a.mac_key)})
    CHECK(a.send(frame).nothing());
  CHECK(w.core.count().not_ours == 5);
}

TEST_CASE("nobody unproven gets more octets than it sent, whatever it sends") {
  world w{small_limits(), 42};
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  b.join();
  shake_hands(a, index(1), b, index(2));
  const std::vector<bytes> seeds{encode(hello{a.key}),
                                 encode(a.say(), a.mac_key),
                                 data(index(2)),
                                 initiation(b.key, index(9)),
                                 response(index(3), index(1)),
                                 encode(relay_ping{false, a.hash, 1, 0}, a.mac_key),
                                 encode(bye{a.key, 1}, a.mac_key),
                                 stun::binding_request({}),
                                 cookie_reply(index(2))};
  const auto stranger = at("203.0.113.200:9");
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  int answers = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto datagram = seeds[w.random.below(seeds.size())];
    switch (w.random.below(4)) {
    case 0:
      break;
    case 1:
      datagram.resize(w.random.below(datagram.size() + 1));
      break;
    case 2:
      datagram.resize(datagram.size() + w.random.below(64));
      break;
    default:
      for (auto flips = w.random.below(4); flips > 0; --flips)
        datagram[w.random.below(datagram.size())] ^=
            static_cast<std::uint8_t>(1u << w.random.below(8));
    }
    w.pass(7ms);
    const auto result = w.send(datagram, stranger);
    REQUIRE(result.what != action::forward);
    if (result.nothing()) continue;
    REQUIRE(result.to == stranger);
    ++answers;
    if (stun::parse_request(datagram)) continue;
    in += datagram.size();
    out += result.payload.size();
    REQUIRE(result.payload.size() <= datagram.size());
  }
  CHECK(answers > 1'000); // the test must not pass because the relay is mute
  CHECK(out <= in);
}

TEST_CASE("a flood of strangers gets ten refusals a second per source and touches nobody") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  b.join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) { // from ever new ports of one host
    w.pass(1ms);
    const endpoint from{*ip_address::parse("203.0.113.5"), static_cast<std::uint16_t>(1 + i)};
    if (!w.send(data(index(2)), from).nothing()) ++refused;
    if (i % 100 == 0) {
      const auto packet = data(index(2));
      REQUIRE(a.send(packet).forwarded_to(b.address, packet));
    }
  }
  CHECK(refused == 200);
  CHECK(w.core.count().members == 2);
}
