#include "tests/support/driven_core.hpp"
#include "tests/support/two_cores.hpp"

#include <catch2/catch.hpp>

#include <utility>

using namespace lanrage;
using namespace lanrage::test;
using role = driven_core::role;

namespace {

constexpr auto at_start = 0ms;

/// Connected at 0 s, over a relay; nothing moves but what the test says.
struct idle_end : driven_core {
  explicit idle_end(role who, config::health_settings health = {}) : driven_core(who) {
    core.~peer_connection();
    new (&core) actors::peer_connection(initiator ? alice_key : bob_key, saved_of(other()), health);
    connect();
    REQUIRE(now == at_start);
    seen = handshake();
    give(seen);
  }
  /// WireGuard's counters are looked at.
  void look(std::chrono::nanoseconds when, std::uint64_t heard, std::uint64_t sent) {
    now = when;
    seen.rx += heard;
    seen.tx += sent;
    seen.latest_handshake = std::max(seen.latest_handshake, shown->latest_handshake); // renewed
    give(seen);
  }
  void peer_checks(std::chrono::nanoseconds when) { look(when, 80, 80); }
  /// Lets time pass until it probes, and answers that.
  std::chrono::nanoseconds next_check() {
    const auto probe = wake_until_probe();
    const auto when = now;
    answer(probe, 50ms);
    return when;
  }
  msg::wg_signal seen;
};

} // namespace

TEST_CASE("a check of the peer's that the counters show stands in for our own") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  d.peer_checks(12s);
  CHECK(d.next_check() == 39'500ms); // seen by the peer before its own is due, at 42 s
  d.look(40s, 80, 80);               // that one
  SECTION("the peer takes its turn") {
    d.peer_checks(67s);
    CHECK(d.next_check() == 94'500ms);
  }
  SECTION("the peer is gone: a check of our own each interval") {
    CHECK(d.next_check() == 69'500ms);
    d.look(70s, 80, 80);
    CHECK(d.next_check() == 99'500ms);
  }
}

TEST_CASE("however often the peer checks, we measure at least every other interval") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  std::chrono::nanoseconds last{};
  for (auto when = 10'000ms; when < 600s; when += 10s) {
    while (d.core.wake_at() && d.core.wake_at()->at < msg::time_point{when}) {
      d.wake();
      if (!d.said<msg::probe_tunnel>()) continue;
      d.answer(d.ticket_of<msg::probe_tunnel>(), 50ms);
      CHECK(d.now - std::exchange(last, d.now) <= 57'500ms);
    }
    d.peer_checks(when);
  }
  CHECK(last > 540s);
}

TEST_CASE("what moves counters and is no check of the peer's puts off nothing") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  const auto [heard, sent] = GENERATE(table<std::uint64_t, std::uint64_t>({
      {32, 32},   // keepalives
      {148, 92},  // half of a handshake
      {80, 32},   // one way only
      {128, 128}, // somebody pings
      {80, 128},
      {800, 800},
  }));
  INFO(heard << ' ' << sent);
  d.look(10s, heard, sent);
  CHECK(d.next_check() == 30s);
}

TEST_CASE("other data after the peer's check: then our own is due as if there had been none") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  d.peer_checks(10s);
  const auto data = GENERATE(20s, 35s);
  d.look(data, 300, 300);
  CHECK(d.next_check() == std::max<std::chrono::nanoseconds>(data, 30s));
}

TEST_CASE("packets of a check's size that come one after the other are somebody's") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  for (auto when = 5s; when < 25s; when += 2s)
    d.peer_checks(when);
  CHECK(d.next_check() >= 27'500ms);
  CHECK(d.now <= 30s);
}

TEST_CASE("WireGuard's own packets beside the peer's check hide nothing") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  const auto [heard, sent, shook] = GENERATE(table<std::uint64_t, std::uint64_t, bool>({
      {32, 0, false},
      {0, 64, false},
      {148, 92, true}, // the peer began a new session
      {92, 148, true}, // our WireGuard did
      {148 + 32, 92 + 32, true},
  }));
  INFO(heard << ' ' << sent);
  if (shook) *d.seen.latest_handshake += 10s;
  d.look(10s, 80 + heard, 80 + sent);
  CHECK(d.next_check() == 37'500ms);
  SECTION("nor do they count as data after it") {
    d.look(38s, 80, 80);
    d.peer_checks(50s);
    *d.seen.latest_handshake += 50s;
    if (GENERATE(true, false))
      d.look(60s, 92, 32 + 148 + 32);
    else
      d.look(60s, 32 + 148 + 32, 92);
    CHECK(d.next_check() == 77'500ms);
  }
}

TEST_CASE("our own check is not taken for the peer's") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  REQUIRE(d.next_check() == 30s);
  d.look(d.now + 1s, 80, 80);
  CHECK(d.next_check() == 60s);
}

TEST_CASE("of two ends that check at the same moment the initiator goes before the next time") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  REQUIRE(d.next_check() == 30s);
  if (GENERATE(true, false)) {
    d.look(30'700ms, 160, 160);
  } else {
    d.look(30'200ms, 80, 80);
    d.look(31'200ms, 80, 80);
  }
  CHECK(d.next_check() == (d.initiator ? 57'500ms : 60'000ms));
}

TEST_CASE("a check that is asked for by something else is not put off") {
  idle_end d{role::initiator};
  d.peer_checks(10s);
  SECTION("a doubt") {
    d.now = 11s;
    d.give(msg::network_changed{});
    CHECK(d.said<msg::probe_tunnel>());
  }
  SECTION("a slow answer is confirmed after a second, and a slow path is looked at by both ends") {
    REQUIRE(d.wake_until_probe() != actors::no_ticket);
    d.answer(d.ticket_of<msg::probe_tunnel>(), 250ms);
    REQUIRE(d.phase() == msg::phase::degraded);
    const auto slow = d.now;
    d.peer_checks(slow + 500ms);
    d.answer(d.wake_until_probe(), 250ms);
    CHECK(d.now == slow + 1s);
  }
}

TEST_CASE("each end of a degraded pair checks for itself") {
  idle_end d{role::responder};
  d.answer(d.wake_until_probe(), 250ms);
  REQUIRE(d.phase() == msg::phase::degraded);
  d.peer_checks(45s);
  d.wake_until_probe();
  CHECK(d.now == 60s);
}

TEST_CASE("a check that came over another path, which WireGuard followed, puts off nothing") {
  idle_end d{GENERATE(role::initiator, role::responder)};
  d.seen.where = relay2_at;
  d.seen.roamed = true;
  d.peer_checks(10s);
  CHECK(d.next_check() == 30s);
}

TEST_CASE("checks that are less than ten seconds apart are not shared") {
  config::health_settings health;
  health.check_interval = GENERATE(1s, 9s);
  idle_end d{GENERATE(role::initiator, role::responder), health};
  d.peer_checks(500ms);
  CHECK(d.next_check() == health.check_interval);
  d.peer_checks(d.now + health.check_interval - 200ms);
  CHECK(d.next_check() == 2 * health.check_interval);
}

TEST_CASE("two ends of an idle pair send one check an interval between them") {
  two_cores world;
  world.can_punch = GENERATE(true, false);
  world.start();
  const auto how = world.can_punch ? msg::strategy::direct : msg::strategy::relay;
  REQUIRE(world.run_until([&] { return world.both(how); }, 2s));
  world.run_for(1min);
  const auto checks = [&](std::size_t who) { return world.view(who).counters.checks; };
  const auto before = std::pair{checks(0), checks(1)};
  world.run_for(1h);
  const auto ours = checks(0) - before.first, theirs = checks(1) - before.second;
  CHECK(ours + theirs <= 132); // 27.5 s apart
  CHECK(ours >= 60);
  CHECK(theirs >= 60);
  SECTION("when one daemon is gone the other checks each interval") {
    const auto gone = GENERATE(0u, 1u);
    world.sides[gone].running = false;
    world.run_for(1min);
    const auto from = checks(1 - gone);
    world.run_for(1h);
    CHECK(checks(1 - gone) - from >= 119);
    CHECK(checks(1 - gone) - from <= 121);
    CHECK(world.connected(1 - gone));
  }
}
