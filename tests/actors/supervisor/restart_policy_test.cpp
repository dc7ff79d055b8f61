#include "actors/supervisor/restart_policy.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::actors;
using namespace std::chrono_literals;
using time_point = restart_policy::time_point;

TEST_CASE("restarts wait twice as long each time, up to the maximum") {
  restart_policy policy{{100ms, 1s, 100, 60s, 60s}};
  policy.started(time_point{0s});
  for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms})
    CHECK(policy.died(time_point{1s}) == expected);
}

TEST_CASE("one death more than the budget within the window gives up") {
  restart_policy policy{{100ms, 1s, 5, 60s, 600s}};
  policy.started(time_point{0s});
  for (int i = 0; i < 5; ++i)
    CHECK(policy.died(time_point{i * 12s}));
  SECTION("exactly at its end is within") {
    CHECK_FALSE(policy.died(time_point{60s}));
  }
  SECTION("just after it is not") {
    CHECK(policy.died(time_point{60s} + 1ns));
  }
}

TEST_CASE("a long healthy life starts the waits again") {
  restart_policy policy{{100ms, 10s, 100, 60s, 30s}};
  policy.started(time_point{0s});
  CHECK(policy.died(time_point{1s}) == 100ms);
  CHECK(policy.died(time_point{2s}) == 200ms);
  policy.started(time_point{3s});
  SECTION("healthy") {
    CHECK(policy.died(time_point{33s}) == 100ms);
  }
  SECTION("not yet") {
    CHECK(policy.died(time_point{33s} - 1ns) == 400ms);
  }
}
