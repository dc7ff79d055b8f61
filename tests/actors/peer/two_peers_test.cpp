#include "tests/support/two_cores.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;

TEST_CASE("a pair behind friendly NATs ends direct, and only the initiator starts handshakes") {
  two_cores world;
  world.start();
  const auto took = world.run_until([&] { return world.both_connected(); }, 2s);
  REQUIRE(took);
  CHECK(*took < 250ms);
  const auto direct = world.run_until([&] { return world.both(msg::strategy::direct); }, 2s);
  REQUIRE(direct);
  CHECK(*took + *direct < 600ms);
  world.run_for(10min);
  CHECK(world.both(msg::strategy::direct));
  CHECK(world.view(0).where == bob_at);
  CHECK(world.view(1).where == alice_at);
  CHECK(world.handshakes == 1); // the session survived the move
  CHECK(world.sides[1].initiations == 0);
  CHECK(world.view(0).counters.lost == 0);
  const auto checks = world.view(0).counters.checks + world.view(1).counters.checks;
  CHECK(checks >= 20); // an idle pair has one an interval
  CHECK(checks <= 25);
}

TEST_CASE("a pair that cannot punch stays relayed and keeps trying with growing gaps") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 2s));
  CHECK(world.view(0).relay == "relay1");
  CHECK(world.view(1).relay == "relay1");
  world.run_for(20min);
  CHECK(world.both(msg::strategy::relay));
  CHECK(world.handshakes == 1);
  const auto punches = world.sides[0].core.saved().epoch;
  CHECK(punches >= 5);
  CHECK(punches <= 12); // 15, 30, 60, 120, 240, 300, 300 ... s apart
  SECTION("and goes direct once the NATs allow it") {
    world.can_punch = true;
    REQUIRE(world.run_until([&] { return world.both(msg::strategy::direct); }, 6min));
    CHECK(world.handshakes == 1);
  }
}

TEST_CASE("a relayed pair punches at once when candidates change") {
  two_cores world;
  world.can_punch = false;
  world.start();
  world.run_for(5min);
  world.can_punch = true;
  const auto who = GENERATE(0u, 1u);
  world.give(who,
             msg::own_paths{
                 {}, {candidate_at(world.sides[who].at), candidate_at(at("198.51.100.77:1000"))}});
  const auto took = world.run_until([&] { return world.both(msg::strategy::direct); }, 1min);
  REQUIRE(took);
  CHECK(*took < 1s);
}

TEST_CASE("a dead relay is left for the other one") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 2s));
  world.run_for(7s);
  world.relays.erase(relay1_at);
  const auto took = world.run_until(
      [&] {
        return world.both_connected() && world.view(0).relay == "relay2" &&
               world.view(1).relay == "relay2";
      },
      2min);
  REQUIRE(took);
  CHECK(*took < 31s); // a check interval and three probes
  CHECK(world.sides[1].initiations == 0);
  CHECK(world.view(0).counters.relay_switches == 1);
  CHECK(world.sides[1].resets == 0);
  CHECK(world.handshakes == 1); // the session moved
}

TEST_CASE("under traffic a dead path is left within half a second, with the session kept") {
  two_cores world;
  world.can_punch = GENERATE(true, false);
  world.start();
  const auto how = world.can_punch ? msg::strategy::direct : msg::strategy::relay;
  REQUIRE(world.run_until([&] { return world.both(how); }, 2s));
  world.carry_traffic();
  world.run_for(GENERATE(5000ms, 5030ms, 5070ms));
  if (world.can_punch)
    world.direct_up = false;
  else
    world.relays.erase(relay1_at);
  const auto alive = [&](std::size_t who) {
    const auto& where = world.sides[who].where;
    return where && world.relays.count(*where) != 0;
  };
  const auto took = world.run_until([&] { return alive(0) && alive(1); }, 5s);
  REQUIRE(took);
  CHECK(*took < 500ms);
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 2s));
  world.run_for(2min);
  CHECK(world.both(msg::strategy::relay));
  CHECK(world.handshakes == 1);
  CHECK(world.sides[0].resets == 1); // the first, when it connected
  CHECK(world.sides[1].initiations == 0);
  CHECK(world.view(0).counters.lost == 1);
}

TEST_CASE("a direct path that is there again is used again within ten seconds") {
  two_cores world;
  world.start();
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::direct); }, 2s));
  world.carry_traffic();
  world.run_for(10s);
  world.direct_up = false;
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 5s));
  world.run_for(GENERATE(1min, 20min));
  world.can_punch = false; // no punch helps
  world.direct_up = true;
  const auto took = world.run_until([&] { return world.both(msg::strategy::direct); }, 1min);
  REQUIRE(took);
  CHECK(*took < 10s);
  CHECK(world.handshakes == 1);
}

TEST_CASE("a relay that vanished from our registrations is checked at once") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 2s));
  world.run_for(3s);
  world.relays.erase(relay1_at);
  world.give(0, msg::own_legs{{{relay_number(2), 40ms}}});
  const auto took = world.run_until(
      [&] { return world.both_connected() && world.view(0).relay == "relay2"; }, 1min);
  REQUIRE(took);
  CHECK(*took < 1500ms);
}

TEST_CASE("a dead direct path falls back to a relay and comes back later") {
  two_cores world;
  world.start();
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::direct); }, 2s));
  world.run_for(1min);
  world.direct_up = false;
  const auto took = world.run_until([&] { return world.both(msg::strategy::relay); }, 2min);
  REQUIRE(took);
  CHECK(*took < 33s);
  world.direct_up = true;
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::direct); }, 6min));
  CHECK(world.sides[1].initiations == 0);
}

TEST_CASE("when nothing works the connection fails after three repairs and recovers by itself") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 2s));
  const auto relays = world.relays;
  world.relays.clear();
  REQUIRE(world.run_until(
      [&] {
        return world.view(0).at == msg::phase::failed && world.view(1).at == msg::phase::failed;
      },
      2min));
  CHECK(world.view(0).error);
  CHECK(world.view(0).connected_at == std::nullopt);
  world.run_for(10min);
  CHECK_FALSE(world.connected(0));
  world.relays = relays;
  REQUIRE(world.run_until([&] { return world.both(msg::strategy::relay); }, 10min));
  CHECK(world.sides[1].initiations == 0);
}

TEST_CASE("bye ends both sides without retries until one asks again") {
  two_cores world;
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.run_for(1s);
  const auto leaver = GENERATE(0u, 1u);
  world.give(leaver, msg::close_peer{true});
  world.run_for(1s);
  CHECK(world.sides[leaver].gone);
  CHECK(world.sides[leaver].removals == 1);
  const auto& stays = world.sides[1 - leaver];
  CHECK(stays.core.phase() == msg::phase::failed);
  CHECK(stays.core.view().error == net::errc::closed);
  CHECK_FALSE(stays.keepalive);
  CHECK_FALSE(stays.where);
  CHECK_FALSE(stays.expecting);
  const auto writes = stays.writes, initiations = stays.initiations;
  world.run_for(24h);
  CHECK(stays.core.phase() == msg::phase::failed);
  CHECK(stays.writes == writes);
  CHECK(stays.initiations == initiations);
  SECTION("the leaver comes back") {
    world.restart(leaver);
    REQUIRE(world.run_until([&] { return world.both_connected(); }, 5s));
  }
}

TEST_CASE("WireGuard made anew on either side costs one handshake and no minute") {
  two_cores world;
  world.can_punch = GENERATE(true, false);
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.run_for(10s);
  const auto who = GENERATE(0u, 1u);
  const auto handshakes = world.handshakes;
  world.lose_session(who);
  const auto took = world.run_until(
      [&] { return world.both_connected() && world.handshakes > handshakes; }, 1min);
  REQUIRE(took);
  CHECK(*took < 1s);
  CHECK(world.sides[1].initiations == 0);
}

TEST_CASE("a restarted daemon adopts the session: no handshake, no change in WireGuard") {
  two_cores world;
  world.can_punch = GENERATE(true, false);
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.run_for(50s);
  const auto who = GENERATE(0u, 1u);
  const auto before = world.view(who);
  const auto handshakes = world.handshakes;
  const auto resets = world.sides[who].resets;
  world.restart(who);
  const auto took = world.run_until([&] { return world.both_connected(); }, 1min);
  REQUIRE(took);
  CHECK(*took < 200ms);
  world.run_for(5min);
  CHECK(world.both_connected());
  CHECK(world.handshakes == handshakes);
  CHECK(world.sides[who].resets == resets);
  CHECK(world.view(who).how == before.how);
  CHECK(world.view(who).connected_at == before.connected_at);
}

TEST_CASE("signals that are lost, late and overtaken only cost time") {
  const auto seed = GENERATE(range(1, 41));
  two_cores world{static_cast<std::uint64_t>(seed)};
  INFO("seed " << seed);
  world.signal_loss = 0.3;
  world.control_jitter = 200ms;
  world.can_punch = seed % 2 == 0;
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2min));
  CHECK(world.sides[1].initiations == 0);
  world.signal_loss = 0;
  const auto how = world.can_punch ? msg::strategy::direct : msg::strategy::relay;
  REQUIRE(world.run_until([&] { return world.both(how); }, 6min));
  CHECK(world.handshakes == 1);
}

TEST_CASE("the second member connects whenever it comes, and presence alone is enough") {
  two_cores world;
  world.sides[1].running = false;
  world.start(0);
  world.run_for(1h);
  CHECK(world.view(0).at == msg::phase::failed);
  world.sides[1].running = true;
  world.start(1);
  auto known = msg::known_peer{record_of("bob", 2), false, {}};
  world.give(0, msg::peer_known{known});
  known.online = true;
  world.give(0, msg::peer_known{known});
  const auto took = world.run_until([&] { return world.both_connected(); }, 1min);
  REQUIRE(took);
  CHECK(*took < 500ms);
}

TEST_CASE("established connections outlive the control plane") {
  two_cores world;
  world.can_punch = false;
  world.start();
  REQUIRE(world.run_until([&] { return world.both_connected(); }, 2s));
  world.control_up = false;
  world.run_for(30min);
  CHECK(world.both_connected());
  world.relays.erase(relay1_at);
  REQUIRE(world.run_until([&] { return world.both_connected() && world.view(1).relay == "relay2"; },
                          2min));
}
