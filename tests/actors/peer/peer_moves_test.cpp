#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

#include <utility>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;
using role = driven_core::role;

TEST_CASE("the first repair moves the session to the path that answers") {
  driven_core d;
  d.reconnect();
  CHECK(d.said<msg::relay_trouble>()->relay == relay_number(1));
  const auto asked = d.said<msg::check_path>();
  REQUIRE(asked);
  CHECK(asked->where == relay2_at);
  CHECK(asked->doubt);
  d.give(msg::path_event{bob_key, asked->number, msg::path_news::checked, relay2_at, 80ms});
  REQUIRE(d.said<msg::assert_endpoint>());
  CHECK(d.said<msg::assert_endpoint>()->where == relay2_at);
  CHECK(d.said<msg::assert_endpoint>()->rtt == 200ms); // the old path may only be slow
  CHECK(d.said<msg::prepare_relay>()->relay == relay_number(2));
  CHECK(d.said<msg::check_path>()->move != 0);
  CHECK_FALSE(d.said<msg::reset_peer>());
  d.answer(d.ticket_of<msg::probe_tunnel>(), 80ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().relay == "relay2");
  CHECK(d.view().counters.relay_switches == 1);
}

TEST_CASE("the second repair, 5 s later, makes a new session") {
  driven_core d;
  d.reconnect();
  const auto began = d.now;
  while (!d.said<msg::reset_peer>())
    d.wake();
  CHECK(d.now - began == 5s);
  const auto unproven = d.view().relay == "relay1" ? relay1_at : relay2_at;
  CHECK(d.said<msg::reset_peer>()->peer.where == unproven);
}

TEST_CASE("a repair without proof tries the other paths in turn, each for a second") {
  driven_core d;
  d.reconnect();
  const auto began = d.now;
  while (!d.said<msg::assert_endpoint>())
    d.wake();
  CHECK(d.now - began == 1s);
  CHECK(d.said<msg::assert_endpoint>()->where == relay2_at);
  CHECK_FALSE(d.said<msg::reset_peer>());
}

TEST_CASE("data that leaves and no data that comes starts a check at once, an idle tunnel none") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  auto seen = d.handshake();
  const auto look = [&](std::uint64_t rx, std::uint64_t tx) {
    d.now += 100ms;
    seen.rx += rx;
    seen.tx += tx;
    return d.give(seen);
  };
  for (int i = 0; i < 30; ++i)
    look(300, 300);
  SECTION("an idle tunnel is silent") {
    d.wake_until_probe();
    CHECK(d.now >= 30s);
  }
  SECTION("a keepalive is not answered") {
    look(0, 32);
    d.wake_until_probe();
    CHECK(d.now >= 30s);
  }
  SECTION("sent in vain: this path and all others are checked, three times in a row") {
    const auto died = d.now;
    look(0, 300);
    for (int probe = 0; probe < 3; ++probe) {
      if (!d.said<msg::probe_tunnel>()) d.wake();
      REQUIRE(d.said<msg::probe_tunnel>());
      REQUIRE(d.said<msg::check_path>());
      CHECK(d.said<msg::check_path>()->where == relay2_at);
      d.last.clear();
    }
    CHECK(d.now - died <= 150ms);
    CHECK(d.phase() == phase::connected); // suspicion only probes
    d.wake();
    CHECK(d.phase() == phase::connected); // and without another path it has its second
  }
}

TEST_CASE("only proof switches: three probes unanswered and another path that answers") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  d.give(msg::network_changed{}); // a reason to doubt
  const auto first = d.ticket_of<msg::probe_tunnel>();
  const auto asked = d.said<msg::check_path>();
  REQUIRE(asked);
  d.now += 10ms;
  d.give(msg::path_event{d.other().key, asked->number, msg::path_news::checked, relay2_at, 10ms});
  CHECK(d.phase() == phase::connected);
  SECTION("an answer in time: it stays") {
    d.answer(first, 50ms);
    d.now += 500ms;
    d.wake();
    CHECK(d.phase() == phase::connected);
    CHECK(d.view().relay == "relay1");
    CHECK(d.view().counters.lost == 0);
  }
  SECTION("none: the first repair, to the proven path") {
    const auto began = d.now;
    while (d.phase() == phase::connected)
      d.wake();
    CHECK(d.now - began < 200ms);
    CHECK(d.phase() == phase::reconnecting);
    CHECK(d.said<msg::assert_endpoint>().has_value() == d.initiator);
    CHECK(d.view().counters.lost == 1);
  }
}

TEST_CASE("a session moves when both ends have proven the path, and stays if it did not land") {
  driven_core d;
  d.connect();
  const auto number = d.core.saved().epoch;
  d.give(msg::path_event{bob_key, number, msg::path_news::proven, bob_at, 20ms, true});
  const auto told = d.said<msg::check_path>();
  REQUIRE(told);
  CHECK(told->where == bob_at);
  CHECK(told->large);
  REQUIRE(told->move != 0);
  d.give(msg::path_event{bob_key, told->number, msg::path_news::checked, bob_at, 20ms});
  CHECK_FALSE(d.said<msg::assert_endpoint>()); // not before the other side is ready, too
  d.give(msg::path_event{bob_key, told->move, msg::path_news::asked, bob_at});
  REQUIRE(d.said<msg::assert_endpoint>());
  CHECK(d.said<msg::assert_endpoint>()->rtt == 20ms);
  const auto asked = d.ticket_of<msg::assert_endpoint>();
  const auto landed = GENERATE(true, false);
  d.give(actors::move_done{asked, landed});
  CHECK(d.view().how == (landed ? msg::strategy::direct : msg::strategy::relay));
  CHECK(d.view().where == (landed ? bob_at : relay1_at));
  CHECK(d.said<msg::probe_tunnel>()); // the path is checked at once
  CHECK(d.view().counters.path_changes == (landed ? 1u : 0u));
}

TEST_CASE("a responder prepares, tells the move back, and follows once that was answered") {
  driven_core d{role::responder};
  d.connect();
  d.give(msg::path_event{alice_key, 7, msg::path_news::asked, relay2_at});
  REQUIRE(d.said<msg::prepare_relay>());
  CHECK_FALSE(d.said<msg::check_path>());
  d.give(actors::relay_prepared{d.ticket_of<msg::prepare_relay>(), true});
  const auto told = d.said<msg::check_path>();
  REQUIRE(told);
  CHECK(told->move == 7);
  CHECK_FALSE(d.said<msg::assert_endpoint>());
  d.give(msg::path_event{alice_key, told->number, msg::path_news::checked, relay2_at, 80ms});
  CHECK(d.said<msg::assert_endpoint>()->where == relay2_at);
  SECTION("an older move, heard late or again, moves nothing") {
    d.give(actors::move_done{d.ticket_of<msg::assert_endpoint>(), true});
    d.give(msg::path_event{alice_key, 6, msg::path_news::asked, relay1_at});
    d.give(msg::path_event{alice_key, 7, msg::path_news::asked, relay1_at});
    CHECK_FALSE(d.said<msg::prepare_relay>());
    CHECK(d.view().relay == "relay2");
  }
}

TEST_CASE("a direct path proven while the first answer is awaited is moved to at once") {
  driven_core d;
  const auto first = d.verify();
  d.give(
      msg::path_event{bob_key, d.core.saved().epoch, msg::path_news::proven, bob_at, 20ms, true});
  CHECK(d.phase() == phase::verifying);
  const auto told = d.said<msg::check_path>();
  REQUIRE(told);
  CHECK(told->move != 0);
  CHECK_FALSE(told->doubt);
  const auto asserted = d.said<msg::assert_endpoint>(); // nobody has answered yet
  REQUIRE(asserted);
  CHECK(asserted->where == bob_at);
  CHECK(asserted->rtt == relay1().rtt); // the handshake's answer comes over the relay
  CHECK(asserted->rtt > 20ms);
  CHECK(d.view().how == msg::strategy::direct);
  const auto asserting = d.ticket_of<msg::assert_endpoint>();
  d.give(d.handshake(relay1_at)); // its answer called WireGuard back
  CHECK_FALSE(d.said<msg::probe_tunnel>());
  CHECK(d.view().how == msg::strategy::direct);
  d.give(d.handshake(bob_at)); // written again: the other end sees it by a packet of ours
  CHECK(d.said<msg::probe_tunnel>());
  d.give(actors::move_done{asserting, true});
  CHECK(d.phase() == phase::verifying); // it still has to answer
  d.answer(first, 40ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().how == msg::strategy::direct);
}

TEST_CASE("a responder asked to move before its WireGuard has the session follows then") {
  driven_core d{role::responder};
  d.negotiate();
  d.give(d.offer());
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay1(), relay2()}});
  d.give(msg::path_event{alice_key, 7, msg::path_news::asked, alice_at});
  CHECK_FALSE(d.said<msg::check_path>());
  const auto in_time = GENERATE(true, false);
  d.now += in_time ? 50ms : 1000ms; // the initiator has given up after a second
  d.give(d.handshake());
  REQUIRE(d.phase() == phase::verifying);
  const auto told = d.said<msg::check_path>();
  CHECK(told.has_value() == in_time);
  if (told) CHECK(told->move == 7);
  if (told) CHECK(told->where == alice_at);
}

TEST_CASE("a move that nobody answers is given up") {
  driven_core d;
  d.connect();
  d.give(msg::path_event{bob_key, d.core.saved().epoch, msg::path_news::proven, bob_at, 20ms});
  int told = 0;
  const auto began = d.now;
  while (d.now - began < 3s) {
    d.wake();
    if (const auto said = d.said<msg::check_path>()) told += said->move != 0;
    CHECK_FALSE(d.said<msg::assert_endpoint>());
  }
  CHECK(told >= 5);
  CHECK(told <= 30);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().relay == "relay1");
}

TEST_CASE("the next relay is told of every new session, by both ends, and once") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  std::vector<net::relay_id> told;
  const auto look = [&] {
    for (const auto& e : d.last)
      if (const auto* order = std::get_if<msg::prepare_relay>(&e.what))
        told.push_back(order->relay);
  };
  d.connect();
  look();
  for (int i = 0; i < 10; ++i)
    d.answer(d.wake_until_probe(), 50ms), look();
  CHECK(told == std::vector{relay_number(2)});
  d.now += 120s;
  d.give(d.handshake()); // WireGuard shook hands again
  look();
  CHECK(told.size() == 2);
}

TEST_CASE("a better path that is proven while the session moves is taken next") {
  driven_core d;
  d.connect();
  const auto number = d.core.saved().epoch;
  const auto better = at("203.0.113.77:7");
  d.give(msg::path_event{bob_key, number, msg::path_news::proven, bob_at, 20ms, true});
  REQUIRE(d.said<msg::check_path>());
  const auto told = *d.said<msg::check_path>();
  d.give(msg::path_event{bob_key, number, msg::path_news::proven, better, 20ms, true});
  d.give(msg::path_event{bob_key, told.number, msg::path_news::checked, bob_at, 20ms});
  d.give(msg::path_event{bob_key, told.move, msg::path_news::asked, bob_at});
  d.give(actors::move_done{d.ticket_of<msg::assert_endpoint>(), true});
  REQUIRE(d.said<msg::check_path>());
  CHECK(d.said<msg::check_path>()->where == better);
  CHECK(d.said<msg::check_path>()->move > told.move);
}

TEST_CASE("a pair that is direct over IPv4 goes on looking for IPv6 that both have") {
  driven_core d;
  d.connect();
  const auto six = at("[2001:db8::2]:51820");
  const auto proven = [&](const net::endpoint& where) {
    d.give(
        msg::path_event{bob_key, d.core.saved().epoch, msg::path_news::proven, where, 20ms, true});
  };
  const auto until_punch = [&] {
    const auto began = d.now;
    while (!d.said<msg::start_punch>())
      d.wake();
    return d.now - began;
  };
  d.give(msg::own_paths{{}, {candidate_at(alice_at), candidate_at(at("[2001:db8::1]:51820"))}});
  auto offer = d.offer();
  offer.candidates.push_back(candidate_at(six));
  d.give(offer);
  proven(bob_at);
  REQUIRE(d.move_lands() == bob_at);
  CHECK(until_punch() == 2s);
  SECTION("and takes it") {
    proven(six);
    CHECK(d.move_lands() == six);
  }
  SECTION("ever more rarely while it is not there") {
    proven(bob_at);
    CHECK_FALSE(d.said<msg::check_path>());
    const auto second = until_punch();
    CHECK(second >= 10s);
    proven(bob_at);
    CHECK(until_punch() > second);
  }
  SECTION("and does not go to another way over IPv4") {
    proven(at("203.0.113.77:7"));
    CHECK_FALSE(d.said<msg::check_path>());
  }
}

TEST_CASE("a punch waits until both sides are seen from outside, but not for long") {
  driven_core d;
  d.negotiate();
  auto inside = d.offer();
  inside.candidates = {candidate_at(at("192.168.1.3:51820"))};
  d.give(inside);
  REQUIRE_FALSE(d.said<msg::start_punch>());
  const auto began = d.now;
  SECTION("an address from outside comes") {
    d.now += 40ms;
    auto both = inside;
    both.candidates.push_back(candidate_at(bob_at));
    d.give(both);
    REQUIRE(d.said<msg::start_punch>());
    CHECK(d.said<msg::start_punch>()->candidates.size() == 2);
  }
  SECTION("none comes") {
    while (!d.said<msg::start_punch>())
      d.wake();
    CHECK(d.now - began == 300ms);
  }
}

TEST_CASE("a peer's doubts count a few times in ten seconds: they may be echoes of ours") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  d.now += 10s;
  int looked = 0;
  const auto doubted = [&] {
    d.give(msg::path_event{d.other().key, 0, msg::path_news::asked, relay2_at, {}, false, true});
    if (!d.said<msg::probe_tunnel>()) return;
    ++looked;
    d.answer(d.ticket_of<msg::probe_tunnel>(), 40ms);
  };
  for (int i = 0; i < 100; ++i, d.now += 20ms)
    doubted();
  CHECK(looked == 10);
  d.now += 10s;
  doubted();
  CHECK(looked == 11);
}

TEST_CASE("a pair relayed for hours checks the direct path as soon as the peer does, and once") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  const auto direct = d.initiator ? bob_at : alice_at;
  const auto checked = [&] {
    const auto said = d.said<msg::check_path>();
    return said && said->where == direct;
  };
  // The peer checks it: do we at once?
  const auto asked = [&] {
    d.give(msg::path_event{d.other().key, 0, msg::path_news::asked, direct});
    const auto at = d.now;
    d.wake();
    const bool did = checked();
    d.now = at;
    return did;
  };
  REQUIRE(asked()); // it is known from now on
  std::chrono::nanoseconds last{}, before{};
  for (const auto end = d.now + 10h; d.now < end;) {
    d.wake();
    if (d.said<msg::probe_tunnel>())
      d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
    else if (checked())
      before = std::exchange(last, d.now);
  }
  REQUIRE(last - before > 1min); // of itself it checks rarely by now
  d.now = last + 10s;
  CHECK(asked());
  d.now += 30ms;
  CHECK_FALSE(asked());
}

TEST_CASE("a responder whose session is not renewed in time asks for another") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  const auto renewed = d.renews = GENERATE(false, true);
  d.give(d.handshake());
  const auto began = d.now;
  const auto age = [&] { return d.now - began; };
  std::optional<std::chrono::nanoseconds> reset_at;
  while (age() < 179s) {
    d.wake();
    if (const auto said = d.said<msg::reset_peer>()) {
      CHECK_FALSE(reset_at);
      reset_at = age();
      CHECK_FALSE(said->peer.where); // only the initiator starts
      d.give(actors::write_done{d.ticket_of<msg::reset_peer>(), std::nullopt});
      REQUIRE(d.said<msg::send_signal>());
      CHECK(d.said<msg::send_signal>()->signal.kind == net::signal_kind::reset);
      CHECK(d.said<msg::send_signal>()->signal.ready);
      d.give(d.handshake());
    }
    if (d.said<msg::probe_tunnel>()) d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  }
  CHECK(reset_at.has_value() == (!d.initiator && !renewed));
  if (reset_at) CHECK(*reset_at == 155s);
  CHECK(d.phase() == phase::connected);
}
