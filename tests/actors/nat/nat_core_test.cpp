#include "actors/nat/nat_core.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;

namespace {

struct peer_side {
  explicit peer_side(std::uint64_t seed)
      : key{net::generate_x25519<net::wg_private_key>(seeded(seed))}, pub{net::public_key(key)} {}
  net::wg_private_key key;
  net::wg_public_key pub;
  net::endpoint where = at("203.0.113.9:51820");

  msg::frame_received probe_to(const net::wg_public_key& other, std::uint8_t id) const {
    net::probe frame;
    frame.from = net::hash_of(pub);
    frame.to = net::hash_of(other);
    frame.transaction[0] = id;
    const auto secret = net::probe_key(key, other).value();
    return {where, {}, std::make_shared<const net::bytes>(net::encode(frame, secret))};
  }
};

struct bench {
  peer_side own{1};
  nat_core core{own.key, 51820, seeded(1)};
  nat_effects out;
};

} // namespace

TEST_CASE("only peers that are expected are answered", "[nat][core]") {
  bench b;
  const peer_side friendly{2};
  const peer_side stranger{3};
  b.core.expect({friendly.pub, false}, dawn, b.out);
  b.core.receive(stranger.probe_to(b.own.pub, 1), dawn, b.out);
  CHECK(b.out.frames.empty());
  CHECK(b.core.counters().unknown_members == 1);
  b.core.receive(friendly.probe_to(b.own.pub, 1), dawn, b.out);
  CHECK(b.out.frames.size() == 1);
  b.core.forget({friendly.pub}, b.out);
  b.core.receive(friendly.probe_to(b.own.pub, 2), dawn, b.out);
  CHECK(b.out.frames.size() == 1);
  CHECK(b.core.counters().unknown_members == 2);
}

TEST_CASE("a probe for somebody else is not ours", "[nat][core]") {
  bench b;
  const peer_side friendly{2};
  const peer_side other{3};
  b.core.expect({friendly.pub, false}, dawn, b.out);
  b.core.receive(friendly.probe_to(other.pub, 1), dawn, b.out);
  CHECK(b.out.frames.empty());
  CHECK(b.core.counters().unknown_members == 1);
}

TEST_CASE("punching a peer that is not expected fails at once", "[nat][core]") {
  bench b;
  const peer_side stranger{3};
  b.core.start({stranger.pub, 7, {}, 0us}, dawn, b.out);
  b.core.nominate({stranger.pub, 8, stranger.where}, dawn, b.out);
  REQUIRE(b.out.events.size() == 2);
  CHECK(b.out.events[0].news == msg::path_news::failed);
  CHECK(b.out.events[0].epoch == 7);
  CHECK(b.out.events[1].epoch == 8);
}

TEST_CASE("a peer whose key is of low order is refused", "[nat][core]") {
  bench b;
  b.core.expect({net::wg_public_key{}, true}, dawn, b.out);
  CHECK(b.core.counters().bad_keys == 1);
  CHECK_FALSE(b.core.session_of(net::wg_public_key{}));
}

TEST_CASE("expecting a peer again keeps its session", "[nat][core]") {
  bench b;
  const peer_side friendly{2};
  b.core.expect({friendly.pub, false}, dawn, b.out);
  b.core.start({friendly.pub, 1, {{net::candidate_kind::host, friendly.where}}, 0us}, dawn, b.out);
  CHECK(b.core.deadline() == dawn + 20ms);
  b.core.expect({friendly.pub, true}, dawn + 1ms, b.out);
  CHECK(b.core.deadline() == dawn + 20ms);
}

TEST_CASE("one deadline stands for all sessions and the gathering", "[nat][core]") {
  bench b;
  const peer_side first{2};
  const peer_side second{3};
  CHECK_FALSE(b.core.deadline());
  for (const auto* each : {&first, &second})
    b.core.expect({each->pub, false}, dawn, b.out);
  b.core.relays({{{{}, "r", at("203.0.113.3:51820")}}, {}}, dawn, b.out);
  CHECK(b.core.deadline() == dawn + config::defaults::stun_rto);
  b.core.start({first.pub, 1, {{net::candidate_kind::host, first.where}}, 30'000us}, dawn, b.out);
  b.core.start({second.pub, 1, {{net::candidate_kind::host, second.where}}, 10'000us}, dawn, b.out);
  CHECK(b.core.deadline() == dawn + 10ms);
  b.out = {};
  b.core.tick(dawn + 30ms, b.out);
  CHECK(b.out.frames.size() == 2);
  CHECK(b.core.deadline() == dawn + 50ms);
  b.core.forget({first.pub}, b.out);
  b.core.forget({second.pub}, b.out);
  CHECK(b.core.deadline() == dawn + config::defaults::stun_rto);
}

TEST_CASE("datagrams of others are counted and dropped", "[nat][core]") {
  bench b;
  for (const net::bytes& data :
       {net::bytes{}, net::bytes(148, 1), net::bytes{1, 0, 0, 0, 9, 9, 9, 9},
        net::stun::binding_request({})})
    b.core.receive({at("203.0.113.9:1"), {}, std::make_shared<const net::bytes>(data)}, dawn,
                   b.out);
  CHECK(b.core.counters().foreign_frames == 4);
  CHECK(b.out.frames.empty());
}

TEST_CASE("a relay's STUN answer becomes a reflexive candidate", "[nat][core]") {
  bench b;
  const auto relay = at("203.0.113.3:51820");
  b.core.hosts({{at("192.168.1.5:1").address}}, dawn, b.out);
  b.core.relays({{{{}, "r", relay}}, {}}, dawn, b.out);
  REQUIRE(b.out.frames.size() == 1);
  const auto id = net::stun::parse_request(*b.out.frames[0].data)->id;
  const auto answer = net::stun::binding_success(id, at("198.51.100.1:4000"));
  b.core.receive({relay, {}, std::make_shared<const net::bytes>(answer)}, dawn + 40ms, b.out);
  REQUIRE(b.out.publish);
  CHECK(b.out.publish->candidates ==
        std::vector<net::candidate>{
            {net::candidate_kind::host, at("192.168.1.5:51820")},
            {net::candidate_kind::server_reflexive, at("198.51.100.1:4000")}});
  CHECK(b.core.paths().candidates == b.out.publish->candidates);
}

TEST_CASE("both sides of a hard pair are offered, on a number that is new on another network",
          "[nat][core]") {
  const auto server1 = at("203.0.113.3:51820"), server2 = at("203.0.113.4:51820");
  for (const bool on : {true, false}) {
    peer_side own{1};
    nat_core core{own.key, 51820, seeded(1), on};
    nat_effects out;
    const auto answer_all = [&](const net::endpoint& first, const net::endpoint& second) {
      const auto asked = std::move(out.frames);
      out = {};
      for (const auto& each : asked) {
        const auto request = net::stun::parse_request(*each.data);
        if (!request || each.from_port != 0) continue;
        const auto seen = each.to == server1 ? first : second;
        const auto said = net::stun::binding_success(request->id, seen);
        core.receive({each.to, {}, std::make_shared<const net::bytes>(said)}, dawn, out);
      }
    };
    core.hosts({{at("10.0.0.2:1").address}}, dawn, out);
    core.relays({{{{}, "a", server1}, {{}, "b", server2}}, {}}, dawn, out);
    answer_all(at("198.51.100.1:7000"), at("198.51.100.1:7000"));
    CHECK(core.paths().birthday_on == on);
    const auto offer = core.paths().birthday;
    REQUIRE(offer.has_value() == on);
    if (!on) continue;
    CHECK_FALSE(offer->symmetric);
    CHECK(offer->seen == at("198.51.100.1:7000"));
    CHECK(core.paths().birthday == offer);
    core.hosts({{at("10.0.0.2:1").address}}, dawn, out);
    answer_all(at("198.51.100.1:7000"), at("198.51.100.1:7000"));
    REQUIRE(core.paths().birthday);
    CHECK(core.paths().birthday->network != offer->network);
    // Two mappings: symmetric, but whether its ports follow each other is not measured.
    core.hosts({{at("10.0.0.2:1").address}}, dawn, out);
    answer_all(at("198.51.100.1:7000"), at("198.51.100.1:9000"));
    CHECK_FALSE(core.paths().birthday);
  }
}
