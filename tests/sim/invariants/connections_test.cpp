// Every rule about what a member says of a connection, in a story that breaks it.
#include "sim/invariants/connections.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace lanrage::sim::invariants;
using namespace std::chrono_literals;
using msg::phase;

namespace {

struct story {
  findings found;
  std::vector<std::pair<phase, phase>> passed;
  connection_rules rules{found, [this](phase a, phase b) { passed.emplace_back(a, b); }};
  said by{0, 7, "alice-bob", {}};
  msg::connection_view view;

  story() {
    view.id = net::peer_id::parse("bob").value();
    view.address = net::virtual_ip::derive(view.id, 0);
    view.reason = "a story";
  }
  void says(phase at, duration now, const std::string& reason = "a story") {
    view.at = at;
    view.reason = reason;
    rules.heard(by, view, now);
  }
  /// An echo was answered, and the view says so.
  void measured(duration rtt, phase at, duration now) {
    rules.answered(by.member, view.address, rtt, now);
    view.latency = rtt;
    says(at, now);
  }
  void connect() {
    says(phase::negotiating, 0s);
    says(phase::configuring, 100ms);
    says(phase::verifying, 110ms);
    measured(20ms, phase::connected, 200ms);
  }
  /// The first word of a repair: the view counts it.
  void first_repair(duration now) {
    ++view.counters.reconnects;
    says(phase::reconnecting, now, "a health check was lost");
  }
  bool only(std::string_view id) const {
    for (const auto& each : found.all())
      if (each.id != id) return false;
    return found.has(id);
  }
};

} // namespace

TEST_CASE("a connection that goes as it should breaks no rule") {
  story s;
  s.connect();
  s.first_repair(31s);
  s.says(phase::reconnecting, 36s, "no answer after repair 1");
  s.says(phase::reconnecting, 41s, "no answer after repair 2");
  s.view.error = net::errc::connection_failed;
  s.says(phase::failed, 46s, "no answer after three repairs");
  s.says(phase::discovering, 56s);
  s.says(phase::configuring, 56s); // over negotiating, in one event
  s.rules.look(57s);
  CHECK(s.found.all().empty());
  CHECK(s.passed.size() == 7);
}

TEST_CASE("S7: an illegal change of state is found") {
  story s;
  s.connect();
  s.says(phase::verifying, 1s);
  CHECK(s.only("S7"));
}

TEST_CASE("S7: a new actor does not begin connected") {
  story s;
  s.connect();
  s.by.actor = 8;
  s.says(phase::connected, 1s);
  CHECK(s.only("S7"));
}

TEST_CASE(
    "whom a fault lets keep no time is not asked when it does what, until a while behind it") {
  story s;
  s.connect();
  s.rules.mistimed(s.by.member, true, 1s);
  s.first_repair(31s);
  s.says(phase::reconnecting, 35s, "no answer after repair 1"); // too soon
  s.rules.look(300s);                                           // and too long
  s.rules.mistimed(s.by.member, false, 300s);
  s.rules.look(660s);
  CHECK(s.found.all().empty());
  s.rules.look(661s);
  CHECK(s.only("L7"));
}

TEST_CASE("S7: a state without a reason is found") {
  story s;
  s.says(phase::negotiating, 0s, "");
  CHECK(s.only("S7"));
}

TEST_CASE("S7: repairs that come too soon, are left out or are too few are found") {
  SECTION("too soon") {
    story s;
    s.connect();
    s.first_repair(31s);
    s.says(phase::reconnecting, 35s, "no answer after repair 1");
    CHECK(s.only("S7"));
  }
  SECTION("one left out") {
    story s;
    s.connect();
    s.first_repair(31s);
    s.says(phase::reconnecting, 41s, "no answer after repair 2");
    CHECK(s.only("S7"));
  }
  SECTION("failed after two") {
    story s;
    s.connect();
    s.first_repair(31s);
    s.says(phase::reconnecting, 36s, "no answer after repair 1");
    s.view.error = net::errc::connection_failed;
    s.says(phase::failed, 41s, "no answer after three repairs");
    CHECK(s.only("S7"));
  }
  SECTION("failed without an error") {
    story s;
    s.says(phase::negotiating, 0s);
    s.says(phase::failed, 10s);
    CHECK(s.only("S7"));
  }
}

TEST_CASE("S8: connected needs a fast answer, degraded a slow one") {
  story fast;
  fast.connect();
  fast.measured(200ms, phase::connected, 30s); // the limit itself is fast
  CHECK(fast.found.all().empty());
  fast.measured(201ms, phase::connected, 60s);
  CHECK(fast.only("S8"));
  story slow;
  slow.connect();
  slow.measured(200ms, phase::degraded, 30s);
  CHECK(slow.only("S8"));
}

TEST_CASE("S8: a latency that nobody measured is found") {
  story s;
  s.connect();
  s.view.latency = 21ms;
  s.says(phase::connected, 30s);
  CHECK(s.only("S8"));
}

TEST_CASE("S8: connected without an answer for two checks is found") {
  story s;
  s.connect();
  s.rules.look(60s);
  CHECK(s.found.all().empty());
  s.rules.look(61s);
  CHECK(s.only("S8"));
}

TEST_CASE("S9: a trial that keeps the slower relay is found, one that keeps the faster is not") {
  const auto trial = [](story& s, duration there) {
    s.connect();
    s.view.where = net::endpoint::parse("198.18.0.1:51820");
    s.measured(300ms, phase::degraded, 30s);
    s.says(phase::trialling, 31s);
    s.view.where = net::endpoint::parse("198.18.0.2:51820");
    s.measured(there, there > 200ms ? phase::degraded : phase::connected, 32s);
  };
  story good;
  trial(good, 299ms);
  CHECK(good.found.all().empty());
  story bad;
  trial(bad, 301ms);
  CHECK(bad.only("S9"));
}

TEST_CASE("S9: a trial is held to the latency that made it begin") {
  story s;
  s.connect();
  s.view.where = net::endpoint::parse("198.18.0.1:51820");
  s.measured(250ms, phase::degraded, 30s);
  s.measured(350ms, phase::trialling, 31s);
  s.view.where = net::endpoint::parse("198.18.0.2:51820");
  s.measured(340ms, phase::degraded, 32s);
  CHECK(s.found.all().empty());
}

TEST_CASE("S9: a trial that does not end is found") {
  story s;
  s.connect();
  s.measured(300ms, phase::degraded, 30s);
  s.says(phase::trialling, 31s);
  s.rules.look(31s + *longest_in(phase::trialling) + 2s);
  CHECK(s.only("S9"));
}

TEST_CASE("S10: a switch every half minute is too much, one in two minutes is not") {
  const auto hours = [](duration gap) {
    story s;
    s.connect();
    auto now = duration{30s};
    for (; now < 2h; now += gap) {
      ++s.view.counters.relay_switches;
      s.measured(20ms + now / 1'000'000, phase::connected, now);
    }
    return s.found.has("S10");
  };
  CHECK_FALSE(hours(2min));
  CHECK(hours(30s));
}

TEST_CASE("L7: whoever stays in a state past its deadline is found") {
  for (const auto at : {phase::negotiating, phase::configuring, phase::closing}) {
    story s;
    s.says(at, 0s);
    s.rules.look(*longest_in(at) + 1s);
    CHECK(s.found.all().empty());
    s.rules.look(*longest_in(at) + 1s + 1ns);
    CHECK(s.only("L7"));
  }
}

TEST_CASE("what a dead actor or a dead supervisor left behind is not held against anybody") {
  story s;
  s.says(phase::negotiating, 0s);
  s.rules.actor_died(7);
  s.rules.look(1h);
  CHECK(s.found.all().empty());
  s.by.actor = 8;
  s.says(phase::negotiating, 1h);
  s.rules.unheard(0);
  s.rules.look(2h);
  s.view.latency = 20ms; // measured while nobody listened
  s.says(phase::connected, 2h);
  CHECK(s.found.all().empty());
}
