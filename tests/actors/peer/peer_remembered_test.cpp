#include "tests/support/driven_core.hpp"
#include "tests/support/two_cores.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;
using role = driven_core::role;

namespace {

/// What the last daemon left behind: connected through relay1, and known to be there.
msg::saved_peer remembered(role who) {
  driven_core d{who};
  d.connect();
  auto saved = d.core.saved();
  saved.record.relays = both_legs();
  return saved;
}

/// A new daemon whose WireGuard is new, too; relays known, nothing heard of the peer.
struct restarted : driven_core {
  explicit restarted(role who) : driven_core(who) {
    core.~peer_connection();
    new (&core)
        actors::peer_connection(who == role::initiator ? alice_key : bob_key, remembered(who), {});
    give(actors::started{});
    msg::wg_signal fresh;
    fresh.session_lost = true;
    give(fresh);
    give(actors::write_done{ticket_of<msg::set_peer>(), std::nullopt});
    give(msg::own_legs{both_legs()});
  }
  void relays_are_ranked() {
    give(actors::relays_ranked{ticket_of<msg::rank_relays>(), {relay1(), relay2()}});
  }
  /// Its handshake is on the way.
  void try_unasked() {
    relays_are_ranked();
    give(actors::write_done{ticket_of<msg::reset_peer>(), std::nullopt});
    probe = ticket_of<msg::probe_tunnel>();
  }
  actors::ticket probe{};
};

} // namespace

TEST_CASE("an initiator starts over the remembered relay while its offer is on the way") {
  restarted d{role::initiator};
  CHECK(d.phase() == phase::negotiating);
  d.relays_are_ranked();
  CHECK(d.phase() == phase::configuring);
  REQUIRE(d.said<msg::reset_peer>());
  CHECK(d.said<msg::reset_peer>()->peer.where == relay1_at);
  d.give(actors::write_done{d.ticket_of<msg::reset_peer>(), std::nullopt});
  CHECK(d.phase() == phase::verifying);
  d.now += 120ms;
  d.answer(d.ticket_of<msg::probe_tunnel>(), 120ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().relay == "relay1");
}

TEST_CASE("a session that waited for its first answer when the daemon ended is gone on with") {
  const auto who = GENERATE(role::initiator, role::responder);
  driven_core before{who};
  before.verify();
  driven_core d{who};
  d.core.~peer_connection();
  new (&d.core) actors::peer_connection(who == role::initiator ? alice_key : bob_key,
                                        before.core.saved(), {});
  d.give(actors::started{});
  CHECK(d.phase() == phase::verifying);
  CHECK_FALSE(d.said<msg::reset_peer>());
  SECTION("it lives") {
    d.give(d.handshake(relay1_at));
    CHECK_FALSE(d.said<msg::reset_peer>());
    d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
    CHECK(d.phase() == phase::connected);
  }
  SECTION("there is none") {
    d.give(msg::wg_signal{});
    CHECK(d.phase() == phase::negotiating);
    CHECK(d.said<msg::reset_peer>()->peer == d.core.saved().configured);
    CHECK_FALSE(d.core.saved().configured->where);
  }
}

TEST_CASE("a path found in WireGuard is a relay's once a ranking names it") {
  driven_core d{role::responder};
  d.negotiate();
  d.give(d.handshake(relay1_at)); // of a session that a daemon began which lost its files
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().where == relay1_at);
  CHECK_FALSE(d.view().how);
  d.give(d.offer());
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay2()}});
  CHECK_FALSE(d.view().how);
  d.give(msg::own_legs{{{relay_number(2), 40ms}, {relay_number(1), 30ms}}});
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay1(), relay2()}});
  CHECK(d.view().how == msg::strategy::relay);
  CHECK(d.view().relay == "relay1");
}

TEST_CASE("a path of which nobody knew whether it is direct is not remembered as direct") {
  driven_core before{role::responder};
  before.negotiate();
  before.give(before.handshake(relay1_at)); // no ranking named that relay
  before.answer(before.ticket_of<msg::probe_tunnel>(), 50ms);
  REQUIRE(before.phase() == phase::connected);
  CHECK_FALSE(before.core.saved().how);

  driven_core d{role::responder};
  d.core.~peer_connection();
  new (&d.core) actors::peer_connection(bob_key, before.core.saved(), {});
  d.give(actors::started{});
  d.give(d.handshake(relay1_at));
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  CHECK(d.phase() == phase::connected);
  CHECK_FALSE(d.view().how);
}

TEST_CASE("a remembered direct path says nothing of where WireGuard went since") {
  driven_core before{role::responder};
  before.negotiate();
  before.give(before.offer());
  before.give(before.handshake(alice_at));
  before.answer(before.ticket_of<msg::probe_tunnel>(), 50ms);
  auto saved = before.core.saved();
  REQUIRE(saved.how == msg::strategy::direct);
  saved.record.candidates.clear();

  const auto [where, how] = GENERATE(table<net::endpoint, std::optional<msg::strategy>>(
      {{alice_at, msg::strategy::direct}, {relay1_at, std::nullopt}}));
  driven_core d{role::responder};
  d.core.~peer_connection();
  new (&d.core) actors::peer_connection(bob_key, saved, {});
  d.give(actors::started{});
  d.give(d.handshake(where));
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().where == where);
  CHECK(d.view().how == how);
}

TEST_CASE("an address that the peer told of is direct without any relay") {
  driven_core d{role::responder};
  d.negotiate();
  d.give(d.offer());
  d.give(d.handshake(alice_at));
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().how == msg::strategy::direct);
}

TEST_CASE("a responder never starts unasked") {
  restarted d{role::responder};
  d.relays_are_ranked();
  CHECK(d.phase() == phase::negotiating);
}

TEST_CASE("a stranger is asked before a handshake starts") {
  driven_core d;
  d.negotiate();
  auto record = d.other();
  record.version = 2;
  record.relays = both_legs();
  d.give(msg::peer_known{{record, true, {}, true}});
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay1()}});
  CHECK(d.phase() == phase::negotiating);
}

TEST_CASE("a remembered path that does not answer is left after a second, and not tried again") {
  restarted d{role::initiator};
  d.try_unasked();
  const auto began = d.now;
  while (d.phase() == phase::verifying)
    d.wake();
  CHECK(d.now - began == 1s);
  CHECK(d.phase() == phase::negotiating);
  CHECK(d.said_signal(net::signal_kind::offer));
  d.relays_are_ranked();
  CHECK(d.phase() == phase::negotiating);
}

TEST_CASE("a peer that gets ready in the meantime has two round trips to answer") {
  restarted d{role::initiator};
  d.try_unasked();
  const auto began = d.now;
  d.now += 40ms;
  d.give(d.offer());
  CHECK(d.phase() == phase::verifying);
  SECTION("it answers: the handshake had found it") {
    d.now = began + 120ms;
    d.answer(d.probe, 120ms);
    CHECK(d.phase() == phase::connected);
  }
  SECTION("it does not: the handshake is said again, to a peer made new") {
    while (d.phase() == phase::verifying)
      d.wake();
    CHECK(d.now - began == 2 * 60ms + 30ms);
    CHECK(d.phase() == phase::configuring);
    REQUIRE(d.said<msg::reset_peer>());
  }
}

TEST_CASE("of a peer that lost a session meanwhile only what it answers since then counts") {
  restarted d{role::initiator};
  d.try_unasked();
  const auto began = d.now;
  d.now += 100ms;
  auto reset = d.offer();
  reset.kind = net::signal_kind::reset;
  d.give(reset);
  CHECK(d.phase() == phase::verifying);
  const auto fresh = d.ticket_of<msg::probe_tunnel>();
  d.answer(d.probe, 120ms); // perhaps of the session that is gone
  CHECK(d.phase() == phase::verifying);
  SECTION("it answers: the session it lost was an older one") {
    d.now += 60ms;
    d.answer(fresh, 60ms);
    CHECK(d.phase() == phase::connected);
  }
  SECTION("it does not") {
    while (d.phase() == phase::verifying)
      d.wake();
    CHECK(d.now - began == 100ms + 60ms + 30ms);
    CHECK(d.phase() == phase::configuring);
    CHECK(d.said<msg::reset_peer>());
  }
}

TEST_CASE("a peer that was connected and comes online again is called before it says a word") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  const auto said_bye = GENERATE(false, true);
  d.connect();
  auto gone = msg::peer_known{{d.other(), false, {}, true}};
  gone.peer.record.relays = both_legs();
  if (said_bye) {
    auto bye = d.offer();
    bye.kind = net::signal_kind::bye;
    d.give(bye);
    d.give(gone);
  } else {
    d.lose_check();
    d.give(gone);
    while (d.phase() != phase::failed)
      d.wake();
    REQUIRE(d.view().error == net::errc::peer_offline);
    d.give(actors::write_done{d.ticket_of<msg::reset_peer>(), std::nullopt});
  }
  d.now += 1h;
  auto back = gone;
  back.peer.online = true;
  d.give(back);
  if (said_bye) {
    CHECK(d.phase() == phase::failed);
    return;
  }
  d.give(actors::record_found{d.ticket_of<msg::find_peer>(), back.peer});
  CHECK(d.phase() == (d.initiator ? phase::configuring : phase::negotiating));
}

TEST_CASE("an offline peer is not tried unasked") {
  restarted d{role::initiator};
  d.give(msg::peer_known{{d.other(), false, {}, true}});
  CHECK(d.view().error == net::errc::peer_offline);
}

TEST_CASE("a rebooted responder says on the local network, too, that the session is gone") {
  restarted d{role::responder}; // and the control server is away
  CHECK_FALSE(d.said_signal(net::signal_kind::reset));
  auto known = msg::known_peer{d.other(), true, {}, true};
  d.give(msg::peer_known{known});
  CHECK_FALSE(d.said_signal(net::signal_kind::reset));
  known.near = true;
  d.give(msg::peer_known{known});
  CHECK(d.said_signal(net::signal_kind::reset));
  CHECK(d.core.explain(msg::time_point{d.now}).decision.find("announces itself on this network") !=
        std::string::npos);
  d.give(msg::peer_known{known});
  CHECK_FALSE(d.said_signal(net::signal_kind::reset)); // once
}

TEST_CASE("a rebooted initiator is back before the control plane answers") {
  two_cores world;
  world.can_punch = GENERATE(true, false);
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.run_for(1min);
  world.control_delay = 2s;
  const auto handshakes = world.handshakes;
  world.reboot(0);
  const auto took = world.run_until([&] { return world.connected(0); }, 1min);
  REQUIRE(took);
  CHECK(*took < 200ms);
  world.control_delay = 15ms;
  world.run_for(1min);
  CHECK(world.both_connected());
  CHECK(world.handshakes == handshakes + 1); // the punch moves the session, as ever
  CHECK(world.sides[1].initiations == 0);
  CHECK(world.both(world.can_punch ? msg::strategy::direct : msg::strategy::relay));
}

TEST_CASE("two machines that start at once lose little by trying unasked") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.run_for(1min);
  world.reboot(0);
  world.run_for(GENERATE(0ms, 1ms, 20ms, 60ms, 100ms, 400ms));
  world.reboot(1);
  const auto took = world.run_until([&] { return world.both_connected(); }, 1min);
  REQUIRE(took);
  CHECK(*took < 500ms);
  CHECK(world.sides[1].initiations == 0);
}

TEST_CASE("a rebooted responder says that the session is gone, and has a new one at once") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.run_for(1min);
  world.reboot(1);
  const auto took = world.run_until([&] { return world.both_connected(); }, 1min);
  REQUIRE(took);
  CHECK(*took < 500ms);
  CHECK(world.sides[1].initiations == 0);
}

TEST_CASE(
    "after a long sleep a first handshake that is lost is said again at once, not after 5 s") {
  driven_core d;
  d.connect();
  d.give(d.handshake());
  d.now += 8h;
  d.give(msg::network_changed{{}, 8h});
  REQUIRE(d.said<msg::reset_peer>());
  CHECK(d.phase() == msg::phase::reconnecting);
  const auto woken = d.now;
  d.give(actors::write_done{d.ticket_of<msg::reset_peer>(), std::nullopt});
  do
    d.wake();
  while (!d.said<msg::reset_peer>() && d.now - woken < 10s);
  CHECK(d.now - woken == config::defaults::woken_repair);
}
