#include "actors/peer/peer_connection.hpp"
#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;
using role = driven_core::role;

TEST_CASE("answers nobody waits for and wakes of an earlier state change nothing") {
  const auto where = GENERATE(phase::discovering, phase::negotiating, phase::configuring,
                              phase::verifying, phase::connected, phase::degraded, phase::trialling,
                              phase::reconnecting, phase::failed, phase::closing);
  driven_core d;
  d.reach(where);
  const actors::ticket stale{999'999};
  for (const actors::event& late : std::vector<actors::event>{
           actors::wake{d.core.wake_at()->epoch - 1},
           actors::tunnel_report{stale, actors::probe_outcome::lost, {}},
           actors::tunnel_report{stale, actors::probe_outcome::answered, 1ms},
           actors::write_done{stale, net::errc::wg_refused}, actors::move_done{stale, false},
           actors::relays_ranked{stale, {}},
           msg::path_event{bob_key, 12345, msg::path_news::proven, bob_at, 1ms, true}}) {
    d.now += 24h;                 // even when the deadline itself is long over
    d.give(msg::control_state{}); // takes what is due in any case: an offer, a punch, a move's end
    const auto view = d.view();
    CHECK(d.give(late).empty());
    CHECK(d.view() == view);
  }
}

TEST_CASE("exactly 200 ms is connected, a nanosecond more is degraded") {
  for (const auto& [rtt, expected] :
       {std::pair{std::chrono::nanoseconds{200ms}, phase::connected},
        std::pair{std::chrono::nanoseconds{200ms} + 1ns, phase::degraded}}) {
    driven_core d{GENERATE(role::initiator, role::responder)};
    d.connect();
    d.answer(d.wake_until_probe(), rtt);
    CHECK(d.phase() == expected);
    CHECK(d.view().latency == rtt);
    CHECK(d.view().is ==
          (expected == phase::connected ? msg::status::connected : msg::status::degraded));
  }
}

TEST_CASE("a slow first answer proves the path and is measured again before it is judged") {
  driven_core d;
  const auto first = d.verify();
  d.now += 700ms;
  d.answer(first, 700ms); // it waited for the handshake
  CHECK(d.phase() == phase::verifying);
  CHECK(d.view().connected_at);
  const auto second = d.ticket_of<msg::probe_tunnel>();
  SECTION("fast after all") {
    d.answer(second, 40ms);
    CHECK(d.phase() == phase::connected);
  }
  SECTION("really slow") {
    d.answer(second, 240ms);
    CHECK(d.phase() == phase::degraded);
  }
}

TEST_CASE("health is checked every 30 s with a timeout of 1 s") {
  driven_core d;
  d.connect();
  const auto connected = d.now;
  d.wake_until_probe();
  CHECK(d.now - connected == 30s);
  CHECK(d.said<msg::probe_tunnel>()->timeout == 1s);
}

TEST_CASE("a check is lost only when none of its probes was answered within 1 s") {
  driven_core d{role::responder};
  d.connect();
  const auto probe = d.wake_until_probe();
  CHECK(d.now == 30s);
  CHECK(d.said<msg::probe_tunnel>()->timeout == 1s);
  const auto second = d.wake_until_probe();
  CHECK(d.now == 30s + 200ms);
  CHECK(d.said<msg::probe_tunnel>()->timeout == 800ms);
  SECTION("one lost packet is no lost check") {
    d.now = 30s + 230ms;
    d.answer(second, 30ms);
    CHECK(d.phase() == phase::connected);
    d.lose(probe);
    CHECK(d.phase() == phase::connected);
    CHECK(d.view().counters.lost == 0);
  }
  SECTION("an answer after exactly 1 s counts") {
    d.now = 31s;
    d.answer(probe, 1s);
    CHECK(d.phase() == phase::degraded);
    CHECK(d.view().counters.lost == 0);
  }
  SECTION("all lost: lost once, and a late answer is no second loss and no answer") {
    d.now = 31s;
    d.lose(probe);
    CHECK(d.phase() == phase::connected);
    d.lose(second);
    CHECK(d.phase() == phase::reconnecting);
    CHECK(d.view().counters.lost == 1);
    d.lose(second);
    d.answer(probe, 1100ms);
    CHECK(d.phase() == phase::reconnecting);
    CHECK(d.view().counters.lost == 1);
    CHECK(d.view().counters.reconnects == 1);
  }
  SECTION("a prober that fails says nothing about the path") {
    d.give(actors::tunnel_report{probe, actors::probe_outcome::unmeasured, {}});
    d.give(actors::tunnel_report{second, actors::probe_outcome::unmeasured, {}});
    while (d.now < 32s) {
      d.wake();
      if (d.said<msg::probe_tunnel>())
        d.give(actors::tunnel_report{
            d.ticket_of<msg::probe_tunnel>(), actors::probe_outcome::unmeasured, {}});
    }
    CHECK(d.phase() == phase::connected);
    CHECK(d.view().counters.lost == 0);
  }
}

TEST_CASE("the third repair without an answer fails the connection, 5 s apart") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.reconnect();
  const auto began = d.now;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    CHECK(d.phase() == phase::reconnecting);
    CHECK(d.now - began == (attempt - 1) * 5s);
    CHECK(d.said_signal(net::signal_kind::reset) == !d.initiator);
    CHECK(d.said<msg::reset_peer>().has_value() == (d.initiator && attempt > 1));
    if (attempt == 3) CHECK(d.said<msg::find_peer>());
    const auto end = began + attempt * 5s;
    while (d.now < end)
      d.wake();
  }
  CHECK(d.phase() == phase::failed);
  CHECK(d.view().error == net::errc::connection_failed);
  CHECK(d.now - began == 15s);
  CHECK(d.view().counters.reconnects == 1);
}

TEST_CASE("a repair that WireGuard does not confirm is probed all the same") {
  driven_core d;
  d.connect();
  msg::wg_signal lost;
  lost.session_lost = true;
  d.give(lost);
  REQUIRE(d.phase() == phase::reconnecting);
  d.give(actors::write_done{d.ticket_of<msg::reset_peer>(), net::errc::timed_out});
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  CHECK(d.phase() == phase::connected);
}

TEST_CASE("a relay whose last check was lost is asked again with the next health check") {
  driven_core d;
  d.connect();
  d.give(msg::network_changed{}); // looks at this path and at the other relay
  REQUIRE(d.said<msg::check_path>());
  CHECK(d.said<msg::check_path>()->where == relay2_at);
  d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
  const auto probe = d.wake_until_probe();
  d.answer(probe, 50ms);
  REQUIRE(d.said<msg::check_path>());
  CHECK(d.said<msg::check_path>()->where == relay2_at);
  // It answers: no reason to ask any more.
  d.give(msg::path_event{d.other().key, d.said<msg::check_path>()->number, msg::path_news::checked,
                         relay2_at, 80ms});
  d.answer(d.wake_until_probe(), 50ms);
  CHECK_FALSE(d.said<msg::check_path>());
}

TEST_CASE("an answer to the third repair is in time until the last moment") {
  driven_core d;
  d.reconnect();
  const auto began = d.now;
  while (d.now < began + 10s)
    d.wake();
  d.give(actors::write_done{d.ticket_of<msg::reset_peer>(), std::nullopt});
  const auto probe = d.ticket_of<msg::probe_tunnel>();
  d.now = began + 15s - 1ns;
  d.answer(probe, 100ms);
  CHECK(d.phase() == phase::connected);
}

TEST_CASE("a failed connection retries slowly, and at once on every reason to hope") {
  driven_core d;
  d.fail();
  const auto failed_at = d.now;
  SECTION("after 10 s, then 20 s") {
    d.wake();
    CHECK(d.phase() == phase::discovering);
    CHECK(d.now - failed_at == 10s);
  }
  const auto hopes_at_once = [&](const actors::event& reason) {
    d.give(reason);
    CHECK(d.phase() == phase::discovering);
    CHECK(d.now == failed_at);
  };
  SECTION("asked by the user") {
    hopes_at_once(actors::user_connect{});
  }
  SECTION("network") {
    hopes_at_once(msg::network_changed{});
  }
  SECTION("relay list") {
    hopes_at_once(msg::own_legs{{{relay_number(9), 1ms}}});
  }
  SECTION("own candidates") {
    hopes_at_once(msg::own_paths{{}, {candidate_at(at("9.9.9.9:9"))}});
  }
  SECTION("presence") {
    hopes_at_once(msg::peer_known{{d.other(), true, {}}});
  }
  SECTION("record") {
    auto record = d.other();
    record.version = 2;
    hopes_at_once(msg::peer_known{{record, false, {}}});
  }
  SECTION("an offer that repeats what is known is no reason") {
    auto again = d.offer(false);
    d.give(again);
    CHECK(d.phase() == phase::failed);
  }
}

TEST_CASE("a member that nobody knows fails with peer_not_found") {
  driven_core d;
  d.fail();
  d.give(actors::user_connect{});
  d.give(actors::record_found{d.ticket_of<msg::find_peer>(),
                              net::fail(net::errc::peer_not_found, "no such member")});
  CHECK(d.phase() == phase::failed);
  CHECK(d.view().error == net::errc::peer_not_found);
}

TEST_CASE("a member whose name now belongs to another key is gone") {
  driven_core d;
  d.fail();
  d.give(actors::user_connect{});
  auto renewed = d.other();
  ++renewed.key.octets[0];
  d.give(actors::record_found{d.ticket_of<msg::find_peer>(), msg::known_peer{renewed, true, {}}});
  CHECK(d.phase() == phase::closing);
}

TEST_CASE("a silent directory does not stop a reconnection: the remembered record is used") {
  driven_core d;
  d.fail();
  d.give(actors::user_connect{});
  const auto asked = d.now;
  d.wake();
  CHECK(d.now - asked == 5s);
  CHECK(d.phase() == phase::negotiating);
}

TEST_CASE("WireGuard's writer has 2 s to confirm") {
  driven_core d;
  d.configure();
  const auto began = d.now;
  while (d.phase() == phase::configuring)
    d.wake();
  CHECK(d.now - began == 2s);
  CHECK(d.phase() == phase::reconnecting);
}

// WireGuard that was handed a packet for a peer without endpoint waits 5 s with its next handshake.
TEST_CASE("the initiator's first path is a peer new to WireGuard, so that no wait is left over") {
  driven_core d;
  d.configure();
  REQUIRE(d.said<msg::reset_peer>());
  CHECK(d.said<msg::reset_peer>()->peer.where == relay1_at);
  CHECK(d.said<msg::reset_peer>()->peer.keepalive);
}

TEST_CASE("the responder is configured silently and says so only then") {
  driven_core d{role::responder};
  d.give(actors::started{});
  const auto peer = d.said<msg::set_peer>();
  REQUIRE(peer);
  CHECK_FALSE(peer->peer.where);
  CHECK_FALSE(peer->peer.keepalive);
  CHECK_FALSE(d.said_signal(net::signal_kind::offer));
  d.give(d.offer()); // even when asked
  CHECK_FALSE(d.said_signal(net::signal_kind::offer));
  d.give(actors::write_done{actors::ticket{1}, std::nullopt});
  REQUIRE(d.said_signal(net::signal_kind::offer));
  CHECK(d.said<msg::send_signal>()->signal.ready);
  CHECK(d.said<msg::expect_peer>()->ready);
}

TEST_CASE("a record with relays does not make the other side ready") {
  driven_core d;
  d.negotiate();
  auto record = d.other();
  record.version = 2;
  record.relays = both_legs();
  d.give(msg::peer_known{{record, true, {}}});
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay1()}});
  CHECK(d.phase() == phase::negotiating);
  auto unready = d.offer(false);
  d.give(unready);
  CHECK(d.phase() == phase::negotiating);
  d.give(d.offer(true));
  CHECK(d.phase() == phase::configuring);
  CHECK(d.view().where == relay1_at);
}

TEST_CASE("changes are coalesced: one offer in 50 ms") {
  driven_core d;
  d.negotiate();
  int offers = 0;
  d.now += 1ms;
  for (std::uint16_t port = 1; port <= 40; ++port) {
    d.now += 1ms;
    d.give(msg::own_paths{{}, {candidate_at({alice_at.address, port})}});
    offers += d.said_signal(net::signal_kind::offer);
  }
  while (d.core.wake_at()->at < msg::time_point{500ms}) {
    d.wake();
    if (d.said_signal(net::signal_kind::offer)) {
      ++offers;
      CHECK(d.said<msg::send_signal>()->signal.candidates.front().address.port == 40);
    }
  }
  CHECK(offers == 1);
}

TEST_CASE("WireGuard roaming by itself is followed, not fought") {
  driven_core d{role::responder};
  d.connect();
  auto roamed = d.handshake(alice_at);
  roamed.roamed = true;
  d.give(roamed);
  CHECK(d.view().how == msg::strategy::direct);
  CHECK(d.view().where == alice_at);
  CHECK_FALSE(d.said<msg::set_peer>());
  CHECK_FALSE(d.said<msg::assert_endpoint>());
  roamed.where = relay2_at;
  d.give(roamed);
  CHECK(d.view().how == msg::strategy::relay);
  CHECK(d.view().relay == "relay2");
}

TEST_CASE("disconnecting says bye, removes the peer, and nothing follows the acknowledgement") {
  driven_core d;
  d.connect();
  d.give(msg::close_peer{true});
  CHECK(d.said_signal(net::signal_kind::bye));
  REQUIRE(d.said<msg::remove_peer>());
  const auto asked = d.ticket_of<msg::remove_peer>();
  SECTION("acknowledged") {
    d.give(actors::write_done{asked, std::nullopt});
    REQUIRE(d.said<msg::peer_update>());
    CHECK(d.said<msg::peer_update>()->gone);
    CHECK_FALSE(d.said<msg::peer_update>()->saved->wanted);
    CHECK_FALSE(d.core.wake_at());
  }
  SECTION("never acknowledged: asked again every 2 s, three times in all") {
    const auto began = d.now;
    int removals = 1;
    while (!d.core.gone()) {
      d.wake();
      removals += d.said<msg::remove_peer>().has_value();
    }
    CHECK(removals == 3);
    CHECK(d.now - began == 6s);
  }
}

TEST_CASE("a relay trial keeps the other relay only when it is strictly faster") {
  driven_core d;
  d.trial();
  REQUIRE(d.phase() == phase::trialling);
  CHECK_FALSE(d.said<msg::reset_peer>()); // the session is kept
  REQUIRE(d.move_lands() == relay2_at);
  const auto clean = d.ticket_of<msg::probe_tunnel>();
  SECTION("faster by a nanosecond: kept") {
    d.answer(clean, std::chrono::nanoseconds{250ms} - 1ns);
    CHECK(d.phase() == phase::degraded);
    CHECK(d.view().relay == "relay2");
    CHECK(d.view().counters.relay_switches == 1);
  }
  SECTION("equal: the old one is restored, and the next trials wait 1, 2 and 4 min") {
    d.answer(clean, 250ms);
    CHECK(d.phase() == phase::trialling);
    REQUIRE(d.move_lands() == relay1_at);
    d.answer(d.ticket_of<msg::probe_tunnel>(), 150ms);
    CHECK(d.phase() == phase::connected);
    CHECK(d.view().relay == "relay1");
    CHECK(d.view().counters.relay_switches == 2);
    for (const auto wait : {60s, 120s, 240s}) {
      const auto before = d.now;
      while (d.phase() != phase::trialling)
        d.answer(d.wake_until_probe(), 250ms);
      CHECK(d.now - before >= wait - 5s);
      CHECK(d.now - before <= wait + 40s);
      REQUIRE(d.move_lands());
      d.answer(d.ticket_of<msg::probe_tunnel>(), 250ms);
      REQUIRE(d.move_lands());
      d.answer(d.ticket_of<msg::probe_tunnel>(), 150ms);
    }
  }
  SECTION("no answer within 3 s: restored") {
    const auto began = d.now;
    while (!d.said<msg::prepare_relay>())
      d.wake();
    CHECK(d.now - began <= 3s);
    CHECK(d.said<msg::prepare_relay>()->relay == relay_number(1));
  }
}

TEST_CASE("a relay trial that began with an unusually slow answer is held to what is usual") {
  driven_core d;
  d.connect();
  for (int i = 0; i < 10; ++i)
    d.answer(d.wake_until_probe(), 180ms);
  d.answer(d.wake_until_probe(), 400ms);
  d.answer(d.wake_until_probe(), 400ms);
  REQUIRE(d.phase() == phase::trialling);
  REQUIRE(d.move_lands() == relay2_at);
  d.answer(d.ticket_of<msg::probe_tunnel>(), 300ms);
  CHECK(d.phase() == phase::trialling);
  CHECK(d.move_lands() == relay1_at);
}

TEST_CASE("a relay that does not take the session is no trial, and the old one is looked at") {
  driven_core d;
  d.trial();
  while (!d.said<msg::probe_tunnel>())
    d.wake();
  CHECK(d.phase() == phase::trialling);
  CHECK(d.view().relay == "relay1");
  d.answer(d.ticket_of<msg::probe_tunnel>(), 150ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().counters.relay_switches == 0);
}

TEST_CASE("one slow sample starts no trial, and a responder never does") {
  driven_core first;
  first.degrade();
  CHECK(first.phase() == phase::degraded);
  first.answer(first.wake_until_probe(), 50ms);
  CHECK(first.phase() == phase::connected);
  driven_core other{role::responder};
  other.degrade();
  for (int i = 0; i < 5; ++i)
    other.answer(other.wake_until_probe(), 300ms);
  CHECK(other.phase() == phase::degraded);
}

TEST_CASE("the saved record restores a living session without touching WireGuard") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  const auto saved = d.core.saved();
  actors::peer_connection again{d.initiator ? alice_key : bob_key, saved, {}};
  auto effects = again.handle(actors::started{}, d.clock());
  CHECK(again.phase() == phase::verifying);
  auto seen = d.handshake();
  const auto old = GENERATE(false, true);
  if (old) d.now += 180s;
  const auto more = again.handle(seen, d.clock());
  effects.insert(effects.end(), more.begin(), more.end());
  if (old) {
    CHECK(again.phase() == phase::negotiating);
    return;
  }
  for (const auto& e : effects) {
    CHECK_FALSE(std::holds_alternative<msg::reset_peer>(e.what));
    CHECK_FALSE(std::holds_alternative<msg::remove_peer>(e.what));
    if (const auto* set = std::get_if<msg::set_peer>(&e.what)) {
      CHECK(set->peer.keepalive); // equal to what WireGuard has
      if (set->peer.where) CHECK(set->peer.where == relay1_at);
    }
    if (std::holds_alternative<msg::probe_tunnel>(e.what))
      again.handle(actors::tunnel_report{e.asked, actors::probe_outcome::answered, 40ms},
                   d.clock());
  }
  CHECK(again.phase() == phase::connected);
  CHECK(again.view().connected_at == saved.connected_at);
}
