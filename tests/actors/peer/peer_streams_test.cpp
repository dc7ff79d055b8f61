#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;
using role = driven_core::role;

namespace {

const net::endpoint loopback = at("127.0.0.1:40001");

msg::relay_choice streamed() {
  auto out = relay1();
  out.address = loopback;
  out.streamed_from = relay1_at;
  return out;
}

/// Our registration with relay1 goes by a stream now, or by UDP again.
void reach(driven_core& d, const msg::relay_choice& by) {
  msg::own_legs legs{both_legs()};
  if (by.streamed_from) legs.streams = {by.relay};
  d.give(legs);
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {by, relay2()}});
}

} // namespace

TEST_CASE(
    "when the relay in use is reached by a stream, our WireGuard alone goes there, session kept") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  REQUIRE(d.view().where == relay1_at);
  reach(d, streamed());
  REQUIRE(d.said<msg::assert_endpoint>());
  CHECK(d.said<msg::assert_endpoint>()->where == loopback);
  CHECK_FALSE(d.said<msg::reset_peer>());
  CHECK_FALSE(d.said_signal(net::signal_kind::reset));
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().where == loopback);
  CHECK(d.view().relay == "relay1");
  CHECK(d.view().streamed);
  CHECK(d.view().counters.relay_switches == 0);
  CHECK(d.said<msg::probe_tunnel>()); // and looks whether it carries

  SECTION("and back when UDP works again") {
    d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
    reach(d, relay1());
    REQUIRE(d.said<msg::assert_endpoint>());
    CHECK(d.said<msg::assert_endpoint>()->where == relay1_at);
    CHECK_FALSE(d.view().streamed);
    CHECK(d.view().where == relay1_at);
  }
  SECTION("once only") {
    d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
    msg::own_legs same{both_legs()};
    same.streams = {relay_number(1)};
    d.give(same);
    CHECK_FALSE(d.said<msg::rank_relays>());
  }
}

TEST_CASE("WireGuard that follows its packets to the relay's UDP address is still with the relay") {
  driven_core d;
  d.connect();
  reach(d, streamed());
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  auto seen = d.handshake(relay1_at);
  seen.latest_handshake = {};
  seen.roamed = true;
  d.give(seen);
  CHECK(d.view().where == relay1_at);
  CHECK(d.view().how == msg::strategy::relay);
  CHECK(d.view().relay == "relay1");
  CHECK_FALSE(d.view().streamed);
}

TEST_CASE("a session that is being verified follows its relay, too") {
  driven_core d;
  d.verify();
  reach(d, streamed());
  REQUIRE(d.said<msg::assert_endpoint>());
  CHECK(d.said<msg::assert_endpoint>()->where == loopback);
  CHECK(d.phase() == phase::verifying);
}

TEST_CASE("a connection starts by the stream where that is all there is") {
  driven_core d;
  d.negotiate();
  d.give(d.offer());
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {streamed()}});
  REQUIRE(d.said<msg::reset_peer>());
  CHECK(d.said<msg::reset_peer>()->peer.where == loopback);
}

TEST_CASE("the evidence says that UDP is blocked, and what would help") {
  driven_core d;
  d.connect();
  reach(d, streamed());
  const auto all = d.core.explain(msg::time_point{d.now});
  REQUIRE_FALSE(all.paths.empty());
  CHECK(all.paths.front().streamed);
  CHECK(all.paths.front().verdict.find("TLS over TCP") != std::string::npos);
  CHECK_FALSE(all.paths.front().remedy.empty());
}

TEST_CASE("another relay that a stream reaches is none of our business") {
  driven_core d;
  d.connect();
  const auto before = d.view().where;
  auto other = relay2();
  other.address = loopback;
  other.streamed_from = relay2_at;
  msg::own_legs legs{both_legs()};
  legs.streams = {relay_number(2)};
  d.give(legs);
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay1(), other}});
  CHECK_FALSE(d.said<msg::assert_endpoint>());
  CHECK(d.view().where == before);
}

TEST_CASE("a path that is doubted has the relay asked with the third probe, by both ends") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  const bool direct = GENERATE(false, true);
  CAPTURE(d.initiator, direct);
  d.connect();
  if (direct) d.give(d.handshake(d.initiator ? bob_at : alice_at)); // it roamed
  d.now += 10s;
  d.give(msg::network_changed{}); // a reason to doubt
  const auto began = d.now;
  REQUIRE(d.said<msg::probe_tunnel>());
  CHECK_FALSE(d.said<msg::relay_trouble>()); // one late answer is no trouble
  int probes = 1;
  while (probes < 3)
    if (d.wake(), d.said<msg::probe_tunnel>()) ++probes;
  REQUIRE(d.said<msg::relay_trouble>());
  CHECK(d.said<msg::relay_trouble>()->relay == relay_number(1));
  CHECK(d.now - began == 30ms);
}
