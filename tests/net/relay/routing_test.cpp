#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace lanrage::net::relay::test;

namespace {

struct pair_of {
  explicit pair_of(relay_limits limits = small_limits())
      : w(limits), a(w, "198.51.100.1:51820"), b(w, "198.51.100.2:51820") {
    a.join();
    b.join();
  }
  world w;
  fake_member a;
  fake_member b;
};

refusal code_of(fake_member& who, const world::output& out) {
  const auto said = decode_refused(out.payload, who.mac_key).value();
  CHECK(said.authentic);
  return said.code;
}

} // namespace

TEST_CASE("a handshake and its data find their way, unchanged") {
  pair_of p;
  REQUIRE(shake_hands(p.a, index(0xa1), p.b, index(0xb1)));
  const auto there = data(index(0xb1), 1400);
  const auto back = data(index(0xa1), 32);
  CHECK(p.a.send(there).forwarded_to(p.b.address, there));
  CHECK(p.b.send(back).forwarded_to(p.a.address, back));
  const auto cookie = cookie_reply(index(0xa1));
  CHECK(p.b.send(cookie).forwarded_to(p.a.address, cookie));
  const auto& count = p.w.core.count();
  CHECK(count.initiations == 1);
  CHECK(count.responses == 1);
  CHECK(count.data == 2);
  CHECK(count.cookies == 1);
  CHECK(count.forwarded == 5);
}

TEST_CASE("a forwarded packet is the input itself, not a copy") {
  pair_of p;
  shake_hands(p.a, index(1), p.b, index(2));
  const auto packet = data(index(2));
  const auto out = p.w.core.receive(packet, {p.a.address, 0}, p.w.now);
  CHECK(out.payload.data() == packet.data());
}

namespace {
bytes check_of(const fake_member& from, const fake_member& to, bool answer = false) {
  path_check frame;
  frame.answer = answer;
  frame.from = hash_of(from.key);
  frame.to = hash_of(to.key);
  frame.padding = 500;
  return encode(frame, shared_key{}); // the relay cannot read its MAC
}
} // namespace

TEST_CASE("members' path checks go to the member they name, there and back, unread") {
  pair_of p;
  const auto asked = check_of(p.a, p.b);
  const auto answered = check_of(p.b, p.a, true);
  CHECK(p.a.send(asked).forwarded_to(p.b.address, asked));
  CHECK(p.b.send(answered).forwarded_to(p.a.address, answered));
  CHECK(p.w.core.count().path_checks == 2);
}

TEST_CASE("a path check goes nowhere from strangers, in another's name, or out of the party") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member stranger{w, "198.51.100.3:51820"};
  a.join();
  b.join();
  CHECK(stranger.send(check_of(stranger, b)).kind() == frame_kind::refused);
  CHECK(stranger.send(check_of(a, b)).kind() != frame_kind::path_check);
  CHECK(a.send(check_of(b, a)).kind() != frame_kind::path_check);
  CHECK(w.core.count().path_checks == 0);
}

TEST_CASE("IPv4 and IPv6 members reach each other") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "[2001:db8::2]:51820"};
  a.join();
  CHECK(b.join().kind() == frame_kind::registered);
  CHECK(shake_hands(a, index(1), b, index(2)));
  CHECK(shake_hands(b, index(3), a, index(4)));
}

TEST_CASE("an index means what it means for its sender only") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  fake_member d{w, "198.51.100.4:51820"};
  for (auto* m : {&a, &b, &c, &d})
    m->join();
  REQUIRE(shake_hands(a, index(1), b, index(7)));
  REQUIRE(shake_hands(c, index(1), d, index(7)));
  const auto packet = data(index(7));
  CHECK(a.send(packet).forwarded_to(b.address, packet));
  CHECK(c.send(packet).forwarded_to(d.address, packet));
  CHECK(b.send(packet).kind() == frame_kind::refused);
}

TEST_CASE("refusals to members name what was refused and carry a MAC") {
  pair_of p;
  fake_member c{p.w, "198.51.100.3:51820", {party(2)}};

  const auto unknown = p.a.send(data(index(0x55)));
  CHECK(code_of(p.a, unknown) == refusal::unknown_index);
  CHECK(decode_refused(unknown.payload, p.a.mac_key)->argument == index(0x55).octets);
  CHECK(unknown.payload.size() == 48);

  const auto nobody = p.a.send(initiation(c.key, index(0x66)));
  CHECK(code_of(p.a, nobody) == refusal::no_such_peer);
  CHECK(decode_refused(nobody.payload, p.a.mac_key)->argument == index(0x66).octets);

  p.w.pass(1s);
  SECTION("the cookie in it resumes in one round trip") {
    p.a.value = *decode_refused(nobody.payload, p.a.mac_key)->value;
    CHECK(p.a.renew().kind() == frame_kind::registered);
  }
  SECTION("a stranger's has neither") {
    const auto out = c.send(data(index(1)));
    CHECK(out.payload.size() == 16);
    const auto said = decode_refused(out.payload, c.mac_key).value();
    CHECK(said.code == refusal::unregistered);
    CHECK_FALSE(said.authentic);
    CHECK_FALSE(said.value.has_value());
  }
}

TEST_CASE("a member is refused at most ten times a second after a burst") {
  pair_of p;
  int refused = 0;
  for (int i = 0; i < 10'000; ++i) {
    p.w.pass(1ms);
    if (!p.a.send(data(index(0x55))).nothing()) ++refused;
  }
  CHECK(refused >= 100);
  CHECK(refused <= 112);
}

TEST_CASE("members of different parties never reach each other") {
  world w;
  fake_member a{w, "198.51.100.1:51820", {party(1)}};
  fake_member b{w, "198.51.100.2:51820", {party(1), party(2)}};
  fake_member c{w, "198.51.100.3:51820", {party(2)}};
  for (auto* m : {&a, &b, &c})
    m->join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  REQUIRE(shake_hands(c, index(3), b, index(4)));

  SECTION("not by an initiation") {
    CHECK(code_of(a, a.send(initiation(c.key, index(5)))) == refusal::no_such_peer);
  }
  SECTION("not by a claim") {
    REQUIRE(a.renew({{index(3), c.hash}}).kind() == frame_kind::registered);
    CHECK(a.send(data(index(3))).nothing());
    CHECK(w.core.count().other_party == 1);
  }
  SECTION("not by another's index") {
    CHECK(a.send(data(index(4))).kind() == frame_kind::refused);
  }
}

TEST_CASE("property: no packet ever crosses a party, whatever members send") {
  auto limits = small_limits();
  limits.rate_kbit_s = 10'000'000;
  limits.members_per_party = 8;
  limits.proofs_per_source_s = 1'000'000;
  limits.routes = 400;
  world w{limits, 7};
  std::vector<fake_member> m;
  m.reserve(8);
  for (int i = 0; i < 8; ++i) {
    std::vector<party_id> in{party(static_cast<std::uint8_t>(1 + i % 3))};
    if (i == 6) in.push_back(party(2));
    m.emplace_back(w, "198.51.100." + std::to_string(i + 1) + ":51820", in).join();
  }
  const auto shared = [&](const fake_member& x, const fake_member& y) {
    for (const auto& p : x.parties)
      for (const auto& q : y.parties)
        if (p == q) return true;
    return false;
  };
  int forwarded = 0;
  for (int round = 0; round < 20'000; ++round) {
    w.pass(5ms);
    if (round % 50 == 0) w.core.tick(w.now, 2);
    auto& from = m[w.random.below(8)];
    auto& to = m[w.random.below(8)];
    const auto small = [&] { return index(static_cast<std::uint32_t>(w.random.below(12))); };
    world::output out;
    switch (w.random.below(6)) {
    case 0:
      out = from.send(initiation(to.key, small()));
      break;
    case 1:
      out = from.send(response(small(), small()));
      break;
    case 2:
      out = from.send(cookie_reply(small()));
      break;
    case 3:
      from.hello_first();
      from.renew({{small(), to.hash}});
      break;
    default:
      out = from.send(data(small()));
    }
    if (out.what != verdict::action::forward) continue;
    ++forwarded;
    bool allowed = false;
    for (const auto& other : m)
      if (other.address == out.to) allowed = other.key != from.key && shared(from, other);
    REQUIRE(allowed);
  }
  CHECK(forwarded > 1'000);
}

TEST_CASE("claims steer the claimant's packets and nobody else's") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  for (auto* m : {&a, &b, &c})
    m->join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  const auto packet = data(index(2));

  REQUIRE(c.renew({{index(2), c.hash}, {index(2), a.hash}}).kind() == frame_kind::registered);
  CHECK(a.send(packet).forwarded_to(b.address, packet));
  CHECK(c.send(packet).forwarded_to(a.address, packet));

  SECTION("the registered answer lists them for the member's other relays") {
    const auto said = decode_registered(a.renew().payload, a.mac_key).value();
    CHECK(said.routes == std::vector<route_claim>{{index(2), b.hash}});
  }
  SECTION("a claim for oneself is ignored") {
    c.renew({{index(9), c.hash}});
    CHECK(c.send(data(index(9))).kind() == frame_kind::refused);
  }
}

TEST_CASE("a claim made before its peer registers works once the peer is there") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join({{index(2), b.hash}});
  const auto packet = data(index(2));
  CHECK(code_of(a, a.send(packet)) == refusal::no_such_peer);
  b.join();
  CHECK(a.send(packet).forwarded_to(b.address, packet));
}

TEST_CASE("a member that moves is reached at its new address and refused at the old") {
  pair_of p;
  REQUIRE(shake_hands(p.a, index(1), p.b, index(2)));
  const auto old = p.a.address;
  p.a.address = at("198.51.100.77:1024");
  const auto lost = p.a.send(data(index(2)));
  CHECK(decode_refused(lost.payload, p.a.mac_key)->code == refusal::unregistered);
  p.a.hello_first();
  REQUIRE(p.a.renew().kind() == frame_kind::registered);
  CHECK(p.w.core.count().moved == 1);

  const auto back = data(index(1));
  const auto there = data(index(2));
  CHECK(p.b.send(back).forwarded_to(p.a.address, back));
  CHECK(p.a.send(there).forwarded_to(p.b.address, there));
  p.w.pass(1s);
  CHECK(p.w.send(there, old).payload.size() == 16);
}

TEST_CASE("an address belongs to whoever proved to be there last") {
  pair_of p;
  REQUIRE(shake_hands(p.a, index(1), p.b, index(2)));
  fake_member c{p.w, "198.51.100.1:51820"};
  REQUIRE(c.join().kind() == frame_kind::registered);
  CHECK(p.b.send(data(index(1))).nothing()); // a is nowhere until it says where
  p.a.address = at("198.51.100.1:51821");
  p.a.hello_first();
  p.a.renew();
  const auto back = data(index(1));
  CHECK(p.b.send(back).forwarded_to(p.a.address, back));
}

TEST_CASE("a registration without traffic ends after its lifetime, to the moment") {
  pair_of p;
  p.w.pass(300s - 1ms);
  CHECK(p.a.send(initiation(p.b.key, index(1))).what == verdict::action::forward);
  p.w.pass(1ms); // b has been silent for 300 s now, a for 1 ms
  CHECK(code_of(p.a, p.a.send(initiation(p.b.key, index(1)))) == refusal::no_such_peer);
  CHECK(p.b.send(initiation(p.a.key, index(2))).payload.size() == 16);
  p.w.sweep();
  CHECK(p.w.core.count().members == 1);
}

TEST_CASE("traffic keeps a relayed pair alive for hours without its daemons, rekeys included") {
  pair_of p;
  std::uint32_t session = 1;
  REQUIRE(shake_hands(p.a, index(1), p.b, index(0x10001)));
  for (int keepalive = 0; keepalive < 1'000; ++keepalive) {
    p.w.pass(25s);
    p.w.core.tick(p.w.now, 4);
    if (keepalive % 5 == 4) {
      ++session;
      REQUIRE(shake_hands(p.a, index(session), p.b, index(0x10000 + session)));
    }
    const auto there = data(index(0x10000 + session), 32);
    const auto back = data(index(session), 32);
    REQUIRE(p.a.send(there).forwarded_to(p.b.address, there));
    REQUIRE(p.b.send(back).forwarded_to(p.a.address, back));
  }
  CHECK(p.w.core.count().routes <= 8); // and old sessions do not pile up
}

TEST_CASE("an idle route ends, a used one does not") {
  pair_of p;
  REQUIRE(shake_hands(p.a, index(1), p.b, index(2)));
  for (int i = 0; i < 4; ++i) {
    p.w.pass(100s);
    REQUIRE(p.a.send(data(index(2), 32)).what == verdict::action::forward);
    p.a.renew();
    p.b.renew();
  }
  CHECK(code_of(p.b, p.b.send(data(index(1)))) == refusal::unknown_index);
  p.w.sweep();
  CHECK(p.w.core.count().routes == 1);
}

TEST_CASE("full route tables refuse new routes and keep live ones") {
  auto limits = small_limits();
  limits.routes_per_member = 4;
  pair_of p{limits};
  REQUIRE(shake_hands(p.a, index(1), p.b, index(2)));
  p.a.send(data(index(2)));
  for (std::uint32_t i = 10; i < 30; ++i)
    p.a.renew({{index(i), p.b.hash}});
  CHECK(p.w.core.count().routes_refused == 17);
  const auto packet = data(index(2));
  CHECK(p.a.send(packet).forwarded_to(p.b.address, packet));
}

TEST_CASE("forged initiations in a member's name only push out each other") {
  pair_of p;
  REQUIRE(shake_hands(p.a, index(1), p.b, index(2)));
  const auto back = data(index(1));
  REQUIRE(p.b.send(back).forwarded_to(p.a.address, back));
  for (std::uint32_t i = 100; i < 200; ++i)
    p.a.send(initiation(p.b.key, index(i)));
  p.w.sweep();
  CHECK(p.w.core.count().routes == 2 + 4); // four unproven ones per pair
  CHECK(p.b.send(back).forwarded_to(p.a.address, back));
  CHECK(shake_hands(p.a, index(300), p.b, index(301)));
}

TEST_CASE("nobody takes the index of a live session of somebody else") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  for (auto* m : {&a, &b, &c})
    m->join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  const auto back = data(index(1));
  REQUIRE(b.send(back).forwarded_to(a.address, back));
  c.send(initiation(b.key, index(1)));
  CHECK(w.core.count().routes_refused == 1);
  CHECK(b.send(back).forwarded_to(a.address, back));
}

TEST_CASE("a member over its rate loses packets, others do not") {
  auto limits = small_limits();
  limits.rate_kbit_s = 8'000; // one octet a microsecond
  limits.burst = 10ms;
  limits.members = 8;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  fake_member d{w, "198.51.100.4:51820"};
  for (auto* m : {&a, &b, &c, &d})
    m->join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  REQUIRE(shake_hands(c, index(3), d, index(4)));
  w.pass(1s);
  int arrived = 0;
  for (int i = 0; i < 1'000; ++i) { // 4000 octets a millisecond, four times the rate
    w.pass(1ms);
    for (int k = 0; k < 4; ++k)
      if (a.send(data(index(2), 1000)).what == verdict::action::forward) ++arrived;
    const auto packet = data(index(4), 500);
    REQUIRE(c.send(packet).forwarded_to(d.address, packet));
  }
  CHECK(arrived >= 1'000);
  CHECK(arrived <= 1'012);
  CHECK(w.core.count().rate_sender == 4'000 - static_cast<std::uint64_t>(arrived));
}

TEST_CASE("two senders together cannot exceed a receiver's rate") {
  auto limits = small_limits();
  limits.rate_kbit_s = 8'000;
  limits.burst = 10ms;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  for (auto* m : {&a, &b, &c})
    m->join();
  REQUIRE(shake_hands(a, index(1), c, index(2)));
  REQUIRE(shake_hands(b, index(3), c, index(4)));
  w.pass(1s);
  int arrived = 0;
  for (int i = 0; i < 1'000; ++i) {
    w.pass(1ms);
    if (a.send(data(index(2), 900)).what == verdict::action::forward) ++arrived;
    if (b.send(data(index(4), 900)).what == verdict::action::forward) ++arrived;
  }
  CHECK(arrived <= 1'125);
  CHECK(arrived >= 1'100);
  CHECK(w.core.count().rate_receiver > 800);
}

TEST_CASE("a token's own rate replaces the relay's default") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  b.join();
  a.hello_first();
  auto said = a.say();
  auto token = a.token(party(1));
  token.rate_kbit_s = 8;
  said.tokens = {encode(sign(token, w.control))};
  REQUIRE(a.send(said).kind() == frame_kind::registered);
  CHECK(a.send(initiation(b.key, index(1))).what == verdict::action::forward);
  CHECK(a.send(initiation(b.key, index(2))).what == verdict::action::forward);
  CHECK(
      a.send(initiation(b.key, index(3))).nothing()); // 296 octets take 296 ms, 250 may come early
  CHECK(w.core.count().rate_sender == 1);
}

TEST_CASE("a rekey costs one test, a retry one, a newcomer at most the party") {
  auto limits = small_limits();
  limits.members = 64;
  limits.members_per_party = 64;
  limits.routes = 4'000;
  limits.proofs_per_source_s = 1'000'000;
  world w{limits};
  std::vector<fake_member> m;
  m.reserve(40);
  for (int i = 0; i < 40; ++i)
    m.emplace_back(w, "198.51.100." + std::to_string(i + 1) + ":51820").join();
  auto& a = m.front();
  const auto tests = [&](const bytes& packet) {
    const auto before = w.core.count().mac1_tests;
    REQUIRE(a.send(packet).what == verdict::action::forward);
    return w.core.count().mac1_tests - before;
  };
  for (std::uint32_t i = 1; i < 40; ++i)
    CHECK(tests(initiation(m[i].key, index(i))) <= 39);
  CHECK(tests(initiation(m[39].key, index(99))) == 1); // the retry of the last
  for (std::uint32_t i = 1; i < 40; ++i) {
    w.pass(3s);
    CHECK(tests(initiation(m[i].key, index(100 + i))) <= 2); // the last, then the longest ago
  }
}

TEST_CASE("initiations to nobody are searched at a limited rate") {
  auto limits = small_limits();
  limits.mac1_tests_s = 100;
  world w{limits};
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  fake_member c{w, "198.51.100.3:51820"};
  for (auto* m : {&a, &b, &c})
    m->join();
  wg_public_key nobody;
  nobody.octets.fill(9);
  for (int i = 0; i < 2'000; ++i) {
    w.pass(1ms);
    a.send(initiation(nobody, index(1)));
  }
  CHECK(w.core.count().mac1_tests >= 200);
  CHECK(w.core.count().mac1_tests <= 230); // 100 a second, 250 ms ahead, two a search
  CHECK(w.core.count().mac1_limited > 1'800);
  CHECK(b.send(initiation(c.key, index(2))).what == verdict::action::forward);
}

TEST_CASE("every datagram ends in exactly one count") {
  pair_of p;
  shake_hands(p.a, index(1), p.b, index(2));
  for (int i = 0; i < 5'000; ++i) {
    bytes noise(p.w.random.below(200));
    for (auto& octet : noise)
      octet = static_cast<std::uint8_t>(p.w.random.next());
    if (noise.size() > 4) {
      noise[0] = static_cast<std::uint8_t>(1 + i % 5);
      noise[1] = noise[2] = noise[3] = 0;
    }
    p.w.pass(1ms);
    p.w.send(noise, i % 2 ? p.a.address : at("203.0.113.9:1"));
  }
  const auto& c = p.w.core.count();
  const auto dropped = c.not_ours + c.malformed + c.other_party + c.rate_sender + c.rate_receiver +
                       c.mac1_limited + c.refusals_limited + c.stun_limited + c.answers_withheld;
  CHECK(c.datagrams == c.forwarded + c.answered + dropped);
}

TEST_CASE("the same inputs give the same outputs") {
  const auto run = [] {
    pair_of p;
    shake_hands(p.a, index(1), p.b, index(2));
    p.w.sweep();
    p.a.renew({{index(5), p.b.hash}});
    return std::pair{p.w.core.snapshot(p.w.now, true), p.w.core.count()};
  };
  CHECK(run() == run());
}
