// The invariants without a memory of who said what, and the ledger of echoes.
#include "sim/invariants/echoes.hpp"
#include "sim/invariants/liveness.hpp"
#include "sim/invariants/plain.hpp"
#include "sim/world/machine.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace lanrage::sim::invariants;
using namespace std::chrono_literals;

TEST_CASE("every invariant has an id of its own, and an unknown one is a defect") {
  std::set<std::string_view> ids;
  for (const auto& each : table()) {
    CHECK(ids.insert(each.id).second);
    CHECK_FALSE(each.sentence.empty());
  }
  CHECK(ids.size() == 29);
  findings found;
  CHECK_THROWS(found.add("S99", 0s, "x", "y"));
}

TEST_CASE("the same finding about the same one is told once") {
  findings found;
  found.add("S1", 1s, "alice", "first");
  found.add("S1", 2s, "alice", "again");
  found.add("S1", 3s, "bob", "another");
  REQUIRE(found.all().size() == 2);
  CHECK(found.all()[0].text == "first");
}

TEST_CASE("S2: an address that two have, or nobody may have, is a clash") {
  const auto at = [](const char* text) { return net::virtual_ip::parse(text).value(); };
  CHECK(clash_among({{"a", at("10.66.0.2")}, {"b", at("10.66.0.3")}, {"c", {}}, {"d", {}}}) == "");
  CHECK(clash_among({{"a", at("10.66.0.2")}, {"b", at("10.66.0.2")}}) ==
        "a and b both have 10.66.0.2");
  for (const auto* nobodys : {"10.66.3.0", "10.66.3.1", "10.66.255.255"})
    CHECK(clash_among({{"a", at(nobodys)}}) != "");
}

TEST_CASE("S13: an echo that is answered twice, or was not asked, is found") {
  const echo_key echo{1, user_echo | 5};
  SECTION("twice") {
    findings found;
    echo_ledger ledger{found};
    ledger.asked(echo, 1s, "alice");
    ledger.carried(echo, +1);
    CHECK(ledger.answered(echo, 1s + 20ms, "alice") == duration{20ms});
    CHECK(found.all().empty());
    ledger.answered(echo, 2s, "alice");
    CHECK(found.has("S13"));
  }
  SECTION("not asked") {
    findings found;
    echo_ledger ledger{found};
    CHECK_FALSE(ledger.answered(echo, 1s, "alice"));
    CHECK(found.has("S13"));
  }
  SECTION("ended more often than sent") {
    findings found;
    echo_ledger ledger{found};
    ledger.asked(echo, 1s, "alice");
    ledger.carried(echo, +1);
    ledger.carried(echo, -1);
    ledger.carried(echo, -1);
    ledger.lost(echo, "loss");
    ledger.settled(1s);
    CHECK(found.has("S13"));
  }
}

TEST_CASE("S14: a lost echo needs a cause, and the last copy decides") {
  findings found;
  echo_ledger ledger{found};
  const echo_key echo{1, user_echo | 5};
  ledger.asked(echo, 1s, "alice");
  ledger.carried(echo, +1);
  ledger.carried(echo, +1); // a duplicate
  ledger.settled(1s);
  ledger.carried(echo, -1);
  ledger.lost(echo, "loss");
  ledger.settled(2s);
  CHECK(ledger.under_way() == 1);
  SECTION("named") {
    ledger.carried(echo, -1);
    ledger.lost(echo, "nat_filter");
    ledger.settled(3s);
    CHECK(found.all().empty());
    CHECK(ledger.count().lost == 1);
  }
  SECTION("not named") {
    ledger.carried(echo, -1);
    ledger.settled(3s);
    CHECK(found.has("S14"));
  }
  SECTION("handed on within the event") {
    ledger.carried(echo, -1);
    ledger.carried(echo, +1);
    ledger.settled(3s);
    CHECK(found.all().empty());
    CHECK(ledger.under_way() == 1);
  }
}

TEST_CASE("S14: an echo that nobody took is found at once") {
  findings found;
  echo_ledger ledger{found};
  ledger.asked({1, 7}, 1s, "alice");
  ledger.settled(1s);
  CHECK(found.has("S14"));
}

TEST_CASE("S15: more timers, events or requests than there is reason for are found") {
  waiting is;
  is.members = 2;
  is.connections = 2;
  for (const auto which : {&waiting::timers, &waiting::events, &waiting::requests}) {
    findings found;
    check_waiting(is, 1s, found);
    CHECK(found.all().empty());
    auto many = is;
    many.*which = 100'000;
    check_waiting(many, 1s, found);
    CHECK(found.has("S15"));
  }
}

TEST_CASE("S17: time that goes back and events before their time are found") {
  findings back;
  clock_rules clock{back};
  clock.event(1s, 1s);
  clock.event(2s, 2s);
  CHECK(back.all().empty());
  clock.event(1s, 2s);
  CHECK(back.has("S17"));
  findings early;
  clock_rules{early}.event(3s, 2s);
  CHECK(early.has("S17"));
}

TEST_CASE("S18: a packet too many or too few is found") {
  fabric_counters count;
  count.sent = 10;
  count.duplicated = 2;
  count.delivered = 7;
  count.dropped[1] = 3;
  findings found;
  check_fabric(count, 2, 1s, found);
  CHECK(found.all().empty());
  check_fabric(count, 1, 1s, found);
  CHECK(found.has("S18"));
}

TEST_CASE("S19: an error is found, but for a budget that was killed to its end") {
  findings found;
  const auto* given_up = "nat died (kill) more than 5 times within 60 s: giving up";
  check_error(given_up, 6, 1s, found);
  CHECK(found.all().empty());
  check_error(given_up, 1, 1s, found);
  CHECK(found.has("S19"));
  findings other;
  check_error("peer: no handler for a message of 1 parts", 100, 1s, other);
  CHECK(other.has("S19"));
}

TEST_CASE("S20: a secret in the log is found and not repeated") {
  const std::string secret = net::to_base64(net::bytes(32, 0x5a));
  findings found;
  secret_rules rules{found};
  rules.keep(secret);
  rules.keep("short");
  rules.line("alice says " + net::to_base64(net::bytes(32, 0x5b)) + " and short", 1s);
  CHECK(found.all().empty());
  rules.line("alice says key=" + secret + ".", 1s);
  REQUIRE(found.has("S20"));
  CHECK(found.all().front().text.find(secret) == std::string::npos);
}

namespace {

liveness_rules::pair_now apart() {
  liveness_rules::pair_now is;
  is.wanted = is.controlled = true;
  is.best_relay = 40ms;
  is.views = "both say nothing";
  return is;
}

} // namespace

TEST_CASE("L1: a pair that has a way and does not connect is found") {
  findings found;
  liveness_rules rules{found};
  const auto bound = liveness_rules::connect_bound(false);
  rules.look(0, 1, "a-b", apart(), 10s);
  rules.look(0, 1, "a-b", apart(), 10s + bound);
  CHECK(found.all().empty());
  SECTION("found") {
    rules.look(0, 1, "a-b", apart(), 11s + bound);
    CHECK(found.has("L1"));
  }
  SECTION("the world was changed meanwhile") {
    rules.disturbed(20s);
    rules.look(0, 1, "a-b", apart(), 11s + bound);
    CHECK(found.all().empty());
  }
  SECTION("the way was gone for a moment") {
    auto gone = apart();
    gone.best_relay.reset();
    rules.look(0, 1, "a-b", gone, 20s);
    rules.look(0, 1, "a-b", apart(), 11s + bound);
    CHECK(found.all().empty());
  }
  SECTION("nobody wants it") {
    auto unwanted = apart();
    unwanted.wanted = false;
    rules.look(0, 1, "a-b", unwanted, 11s + bound);
    CHECK(found.all().empty());
  }
}

TEST_CASE("L2: a pair that could be direct and stays relayed is found") {
  findings found;
  liveness_rules rules{found};
  auto is = apart();
  is.up = true;
  is.direct = reach::direct::surely;
  is.direct_sound = true;
  rules.look(0, 1, "a-b", is, 10s);
  rules.look(0, 1, "a-b", is, 10s + liveness_rules::direct_bound());
  CHECK(found.all().empty());
  rules.look(0, 1, "a-b", is, 11s + liveness_rules::direct_bound());
  CHECK(found.has("L2"));
}

TEST_CASE("L3: a pair that stays on a much longer relay is found, on one a little longer not") {
  for (const bool much : {false, true}) {
    findings found;
    liveness_rules rules{found};
    auto is = apart();
    is.up = true;
    is.used_relay = much ? 80ms : 59ms;
    rules.look(0, 1, "a-b", is, 10s);
    rules.look(0, 1, "a-b", is, 11s + liveness_rules::relay_bound());
    CHECK(found.has("L3") == much);
  }
}
