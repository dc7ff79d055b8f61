#include "tests/actors/relay/relay_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using net::frame_kind;

namespace {

net::wg_public_key peer_number(std::uint8_t n) {
  net::wg_public_key key;
  key.octets.fill(n);
  return key;
}

bool prepare(relay_lab& w, std::size_t relay, const net::wg_public_key& peer,
             std::optional<net::session_index> known = std::nullopt, bool moves = true) {
  bool begun = false;
  const msg::prepare_relay order{w.id(relay), peer, known, moves};
  w.step([&](auto& t, auto& out) { begun = t.prepare(order, w.now, out); });
  return begun;
}

/// What the last registration at a relay claimed.
std::vector<net::route_claim> claimed(const relay_lab& w, std::size_t relay) {
  std::vector<net::route_claim> out;
  for (const auto& [when, frame] : w.sent)
    if (frame.to == w.relays[relay].info.address)
      if (const auto said = net::decode_registration(*frame.data)) out = said->routes;
  return out;
}

net::bytes data_packet(std::uint32_t number) {
  net::byte_writer out;
  return out.u8(4).zeros(3).raw(index(number).view()).zeros(24).take();
}

} // namespace

TEST_CASE("a relay is told of a session's index before it carries it, in one round trip") {
  relay_lab w{{15ms, 20ms}};
  w.give_list();
  w.run(1s);
  const auto began = w.now;
  REQUIRE(prepare(w, 1, peer_number(9), index(77)));
  w.run(100ms);
  REQUIRE(w.prepared.size() == 1);
  CHECK(w.prepared[0].first - began == 40ms);
  const net::route_claim wanted{index(77), net::hash_of(peer_number(9))};
  CHECK(claimed(w, 1) == std::vector{wanted});
  CHECK(w.session(1).listed() == std::vector{wanted});
}

TEST_CASE("a relay that we are not registered with cannot be prepared") {
  relay_lab w{{15ms, 20ms}};
  w.relays[1].down = true;
  w.give_list();
  w.run(1s);
  CHECK_FALSE(prepare(w, 1, peer_number(9)));
  w.run(1s);
  CHECK(w.prepared.empty());
}

TEST_CASE("an index that a prepared relay does not know is the moving session's") {
  relay_lab w{{15ms, 20ms}};
  w.give_list();
  w.run(1s);
  REQUIRE(prepare(w, 1, peer_number(9)));
  w.run(100ms);
  w.send_wireguard(1, data_packet(99));
  w.run(100ms);
  const net::route_claim wanted{index(99), net::hash_of(peer_number(9))};
  CHECK(w.session(1).listed() == std::vector{wanted});
  SECTION("of two that move there nobody knows whose it is") {
    REQUIRE(prepare(w, 1, peer_number(8)));
    w.send_wireguard(1, data_packet(100));
    w.run(100ms);
    CHECK(w.session(1).listed() == std::vector{wanted});
  }
  SECTION("after a while it is nobody's") {
    w.run(11s);
    w.send_wireguard(1, data_packet(100));
    w.run(100ms);
    CHECK(w.session(1).listed() == std::vector{wanted});
  }
}

TEST_CASE("an index that a relay does not know is not a session's that is only told beforehand") {
  relay_lab w{{15ms, 20ms}};
  w.give_list();
  w.run(1s);
  REQUIRE(prepare(w, 1, peer_number(9), std::nullopt, false));
  w.run(100ms);
  w.send_wireguard(1, data_packet(99));
  w.run(100ms);
  CHECK(w.session(1).listed().empty());
  REQUIRE(prepare(w, 1, peer_number(8)));
  w.send_wireguard(1, data_packet(99));
  w.run(100ms);
  CHECK(w.session(1).listed() ==
        std::vector{net::route_claim{index(99), net::hash_of(peer_number(8))}});
}

TEST_CASE("a relay that forgot everything is told again what it knew") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  REQUIRE(prepare(w, 0, peer_number(9), index(77)));
  w.run(20s);
  REQUIRE(w.session(0).listed().size() == 1);
  w.restart(0);
  w.send_wireguard(0, data_packet(77));
  w.run(1s);
  w.send_wireguard(0, data_packet(77));
  w.run(1s);
  CHECK(w.session(0).listed().size() == 1);
}
