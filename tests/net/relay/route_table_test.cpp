#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace lanrage::net::relay::test;

namespace {
const steady_time t0 = steady_time{} + 1h;
member_hash who(std::uint8_t n) {
  member_hash out;
  out.octets.fill(n);
  return out;
}
using outcome = route_table::outcome;
} // namespace

TEST_CASE("claiming a route again is no use of it") {
  route_table t;
  const auto limits = small_limits();
  REQUIRE(t.claim({index(1), who(1)}, t0, limits, true) == outcome::added);
  for (int i = 1; i < 240; ++i)
    REQUIRE(t.claim({index(1), who(1)}, t0 + std::chrono::seconds{i}, limits, true) ==
            outcome::refreshed);
  CHECK(t.find(index(1), t0 + 240s - 1ns, 240s) != nullptr);
  CHECK(t.find(index(1), t0 + 240s, 240s) == nullptr);
}

TEST_CASE("claiming a dead route revives it") {
  route_table t;
  const auto limits = small_limits();
  t.claim({index(1), who(1)}, t0, limits, true);
  t.claim({index(1), who(1)}, t0 + 240s, limits, true);
  CHECK(t.find(index(1), t0 + 479s, 240s) != nullptr);
}

TEST_CASE("a learnt route never takes an index from a proven live one") {
  route_table t;
  const auto limits = small_limits();
  t.claim({index(1), who(1)}, t0, limits, true);
  CHECK(t.learn(index(1), who(2), 2, t0 + 239s, limits, true) == outcome::refused);
  CHECK(t.learn(index(1), who(1), 1, t0 + 1s, limits, true) == outcome::refreshed);
  CHECK(t.find(index(1), t0 + 1s, 240s)->proven);
  CHECK(t.learn(index(1), who(2), 2, t0 + 241s, limits, true) == outcome::refreshed);
  CHECK_FALSE(t.find(index(1), t0 + 241s, 240s)->proven);
}

TEST_CASE("the oldest unproven route to the same member makes room, full table or not") {
  route_table t;
  auto limits = small_limits();
  limits.routes_per_member = 5;
  for (std::uint32_t i = 1; i <= 4; ++i)
    REQUIRE(t.learn(index(i), who(1), 1, t0 + std::chrono::seconds{i}, limits, true) ==
            outcome::added);
  REQUIRE(t.learn(index(9), who(2), 2, t0, limits, true) == outcome::added);
  CHECK(t.learn(index(10), who(3), 3, t0, limits, true) == outcome::refused);
  CHECK(t.learn(index(5), who(1), 1, t0 + 5s, limits, false) == outcome::refreshed);
  CHECK(t.find(index(1), t0 + 5s, 240s) == nullptr);
  CHECK(t.find(index(9), t0 + 5s, 240s) != nullptr);
  CHECK(t.size() == 5);
}

TEST_CASE("the most recently used routes are reported, in order of index") {
  route_table t;
  const auto limits = small_limits();
  for (const std::uint32_t i : {5u, 3u, 9u, 1u})
    t.claim({index(i), who(1)}, t0 + std::chrono::seconds{i}, limits, true);
  CHECK(t.recent(2) == std::vector<route_claim>{{index(5), who(1)}, {index(9), who(1)}});
  CHECK(t.recent(64).size() == 4);
}

TEST_CASE("no room in the relay refuses new routes only") {
  route_table t;
  const auto limits = small_limits();
  t.claim({index(1), who(1)}, t0, limits, true);
  CHECK(t.claim({index(2), who(1)}, t0, limits, false) == outcome::refused);
  CHECK(t.claim({index(1), who(2)}, t0, limits, false) == outcome::refreshed);
}
