#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;

namespace {

msg::explanation explain(const driven_core& d) {
  return d.core.explain(d.clock().at);
}

} // namespace

TEST_CASE("the path in use comes first, and each other one says why it is not") {
  driven_core d;
  d.connect();
  const auto said = explain(d);
  CHECK(said.view.id.str() == "bob");
  CHECK_FALSE(said.decision.empty());
  REQUIRE(said.paths.size() >= 3);
  CHECK(said.paths[0].in_use);
  CHECK(said.paths[0].relay == "relay1");
  CHECK(said.paths[0].alive);
  CHECK(said.paths[0].verdict == "in use; no direct path is known");
  CHECK(said.paths[1].relay == "relay2");
  CHECK_FALSE(said.paths[1].in_use);
  CHECK(said.paths[1].asked == 0);
  const auto& none = said.paths.back();
  CHECK(none.how == msg::strategy::direct);
  CHECK_FALSE(none.where);
  CHECK_FALSE(none.verdict.empty());
  CHECK_FALSE(none.remedy.empty());
}

TEST_CASE("checks count as evidence, and a relay that does not answer says what to look at") {
  driven_core d;
  d.connect();
  d.give(msg::network_changed{}); // a reason to check all paths
  const auto asked = d.said<msg::check_path>();
  REQUIRE(asked);
  auto relay2 = explain(d).paths.at(1);
  CHECK(relay2.asked == 1);
  CHECK(relay2.lost == 1);
  CHECK_FALSE(relay2.alive);
  CHECK(relay2.verdict == "does not answer");
  CHECK(relay2.remedy == "look whether relay relay2 runs");
  d.now += 80ms;
  d.give(msg::path_event{bob_key, asked->number, msg::path_news::checked, relay2_at, 80ms});
  d.now += 1s;
  relay2 = explain(d).paths.at(1);
  CHECK(relay2.alive);
  CHECK(relay2.lost == 0);
  CHECK(relay2.rtt == 80ms);
  CHECK(relay2.age == 1s);
  CHECK(relay2.remedy.empty());
}

TEST_CASE("without a path there is nothing to explain but the reason") {
  driven_core d;
  const auto said = explain(d);
  CHECK(said.paths.empty());
}
