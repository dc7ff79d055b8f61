#include "net/relay/flow.hpp"
#include "net/stun.hpp"
#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace lanrage::net::relay::test;

namespace {

/// A member that can be told to go on from elsewhere.
struct moving_member : fake_member {
  using fake_member::fake_member;
  void move_to(const endpoint& where) { address = where; }
};

} // namespace

TEST_CASE("a flow's name holds its number, is no address of anybody's, and differs by source") {
  const auto one = flow_endpoint(7, 0x11223344556677);
  CHECK(is_flow(one));
  CHECK(flow_number(one) == 7);
  CHECK(one.valid());
  CHECK(one != flow_endpoint(8, 0x11223344556677));
  CHECK(one != flow_endpoint(7, 0x11223344556678));
  CHECK(flow_number(flow_endpoint(0xffffffffffffffff, 0xffffffffffffffff)) == 0xffffffffffffffff);
  for (const auto* text :
       {"192.0.2.1:1", "[2001:db8::1]:1", "[fd00::1]:1", "[fe80::1]:1", "[::1]:1"})
    CHECK_FALSE(is_flow(at(text)));
}

TEST_CASE("a member by a stream and one by UDP meet; STUN over a stream is nobody's") {
  world w;
  fake_member a{w, "192.0.2.1:1"};
  a.address = flow_endpoint(1, 9);
  fake_member b{w, "192.0.2.2:1"};
  const auto joined = a.join();
  REQUIRE(joined.kind() == frame_kind::registered);
  CHECK(joined.to == a.address);
  CHECK(decode_registered(joined.payload, a.mac_key)->observed == a.address);
  REQUIRE(b.join().kind() == frame_kind::registered);
  CHECK(shake_hands(a, index(1), b, index(2)));
  const auto packet = data(index(2));
  CHECK(a.send(packet).forwarded_to(b.address, packet));
  CHECK(a.send(stun::binding_request({})).nothing());
  CHECK(w.core.count().not_ours == 1);
}

TEST_CASE(
    "a datagram by UDP that claims to come from a stream is dropped, and the other way round") {
  world w;
  fake_member a{w, "192.0.2.1:1"};
  a.address = flow_endpoint(1, 9);
  fake_member b{w, "192.0.2.2:1"};
  REQUIRE(a.join().kind() == frame_kind::registered);
  REQUIRE(b.join().kind() == frame_kind::registered);
  const auto packet = initiation(b.key, index(1));
  CHECK(w.core.receive(packet, {a.address, 1}, w.now).what == verdict::action::drop);
  CHECK(w.core.receive(packet, {b.address, via_stream}, w.now).what == verdict::action::drop);
  CHECK(w.core.count().malformed == 2);
}

TEST_CASE("nothing is forwarded for a stream that nobody is registered over") {
  world w;
  fake_member b{w, "192.0.2.2:1"};
  REQUIRE(b.join().kind() == frame_kind::registered);
  const auto stranger = flow_endpoint(5, 9);
  const auto packet = initiation(b.key, index(1));
  const auto out = w.send(packet, stranger);
  CHECK(out.what == verdict::action::answer);
  CHECK(out.to == stranger);
  CHECK(out.payload.size() == 16);
  // Streams of one source share what a source may ask for.
  for (std::uint64_t n = 6; n < 40; ++n)
    CHECK(w.send(packet, flow_endpoint(n, 9)).nothing());
  CHECK_FALSE(w.send(packet, flow_endpoint(40, 10)).nothing());
}

TEST_CASE(
    "a member that moved from its stream to UDP may still send by the stream while it is open") {
  world w;
  moving_member a{w, "192.0.2.1:1"};
  const auto flow = flow_endpoint(1, 9);
  a.move_to(flow);
  fake_member b{w, "192.0.2.2:1"};
  REQUIRE(a.join().kind() == frame_kind::registered);
  REQUIRE(b.join().kind() == frame_kind::registered);
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  CHECK(w.core.flow_used(flow, w.now));

  a.move_to(at("192.0.2.1:1"));
  REQUIRE(a.join().kind() == frame_kind::registered);
  const auto to_b = data(index(2));
  const auto to_a = data(index(1));
  CHECK(w.send(to_b, flow).forwarded_to(b.address, to_b));
  CHECK(b.send(to_a).forwarded_to(at("192.0.2.1:1"), to_a)); // what is for it goes by UDP
  CHECK_FALSE(w.core.flow_used(flow, w.now));

  w.core.flow_closed(flow);
  CHECK_FALSE(w.send(to_b, flow).forwarded_to(b.address, to_b));
  CHECK(a.send(to_b).forwarded_to(b.address, to_b));
}

TEST_CASE("a member returns to its stream when UDP did not hold, and to a second one") {
  world w;
  moving_member a{w, "192.0.2.1:1"};
  fake_member b{w, "192.0.2.2:1"};
  const auto first = flow_endpoint(1, 9);
  const auto second = flow_endpoint(2, 9);
  REQUIRE(b.join().kind() == frame_kind::registered);
  for (const auto& where : {first, at("192.0.2.1:1"), first, second}) {
    a.move_to(where);
    REQUIRE(a.join().kind() == frame_kind::registered);
  }
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  const auto packet = data(index(2));
  CHECK(w.send(packet, first).forwarded_to(b.address, packet)); // still open
  w.core.flow_closed(first);
  CHECK_FALSE(w.send(packet, first).forwarded_to(b.address, packet));
  CHECK(w.core.flow_used(second, w.now));
}

TEST_CASE("nothing goes to a stream that has ended, until its member registers again") {
  world w;
  moving_member a{w, "192.0.2.1:1"};
  a.move_to(flow_endpoint(1, 9));
  fake_member b{w, "192.0.2.2:1"};
  REQUIRE(a.join().kind() == frame_kind::registered);
  REQUIRE(b.join().kind() == frame_kind::registered);
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  w.core.flow_closed(a.address);
  CHECK_FALSE(b.send(data(index(1))).what == verdict::action::forward);
  a.move_to(flow_endpoint(2, 9));
  REQUIRE(a.join().kind() == frame_kind::registered);
  const auto packet = data(index(1));
  CHECK(b.send(packet).forwarded_to(a.address, packet)); // the routes have stayed
}

TEST_CASE("a second member that registers over a stream takes it over") {
  world w;
  fake_member a{w, "192.0.2.1:1"};
  fake_member b{w, "192.0.2.2:1"};
  a.address = b.address = flow_endpoint(1, 9);
  REQUIRE(a.join().kind() == frame_kind::registered);
  REQUIRE(b.join().kind() == frame_kind::registered);
  fake_member c{w, "192.0.2.3:1"};
  REQUIRE(c.join().kind() == frame_kind::registered);
  CHECK(c.send(initiation(a.key, index(1))).what != verdict::action::forward);
  const auto to_b = initiation(b.key, index(1));
  CHECK(c.send(to_b).forwarded_to(b.address, to_b));
}

TEST_CASE("a saved state holds no streams: their members are known, and register again") {
  world w;
  fake_member a{w, "192.0.2.1:1"};
  a.address = flow_endpoint(1, 9);
  REQUIRE(a.join().kind() == frame_kind::registered);
  const auto saved = w.core.snapshot(w.now, true);
  auto again = w.make_core();
  REQUIRE(again.restore(saved, w.now).has_value());
  CHECK(again.count().members == 1);
  CHECK_FALSE(again.flow_used(a.address, w.now));
}
