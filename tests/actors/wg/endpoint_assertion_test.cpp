#include "actors/wg/endpoint_assertion.hpp"
#include "tests/actors/wg/wg_keys.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::test;
using namespace std::chrono_literals;
using verdict = endpoint_assertion::verdict;

namespace {

const msg::time_point start{};
const auto old_path = at("192.0.2.1:1");
const auto new_path = at("192.0.2.2:2");

endpoint_assertion asserting(std::chrono::nanoseconds rtt) {
  return {1, {wg_key(5), new_path, rtt}, start, {}};
}

} // namespace

TEST_CASE("an endpoint has landed when it stayed for two round trips, and not a moment earlier") {
  auto one = asserting(60ms);
  one.look(old_path, start);
  CHECK(one.before() == old_path);
  one.look(new_path, start + 10ms);
  one.look(new_path, start + 129ms);
  CHECK(one.judge(start + 129ms) == verdict::going_on);
  CHECK(one.judge(start + 130ms) == verdict::landed);
}

TEST_CASE("a short round trip does not make it land before the least stable time") {
  auto one = asserting(1ms);
  one.look(new_path, start);
  CHECK(one.judge(start + 49ms) == verdict::going_on);
  CHECK(one.judge(start + 50ms) == verdict::landed);
}

TEST_CASE("roaming back starts the stable time anew") {
  auto one = asserting(60ms);
  one.look(new_path, start);
  one.look(old_path, start + 100ms);
  one.look(new_path, start + 105ms);
  CHECK(one.judge(start + 224ms) == verdict::going_on);
  CHECK(one.judge(start + 225ms) == verdict::landed);
}

TEST_CASE("it is written only after a look that shows another endpoint, once per interval") {
  auto one = asserting(60ms);
  CHECK_FALSE(one.write_due(start));
  one.look(old_path, start);
  CHECK(one.write_due(start));
  one.written(start);
  one.look(old_path, start + 1ms);
  CHECK_FALSE(one.write_due(start + 4ms));
  CHECK(one.write_due(start + 5ms));
  one.look(new_path, start + 6ms);
  CHECK_FALSE(one.write_due(start + 20ms));
}

TEST_CASE("it expires at its deadline and knows what to restore") {
  auto one = asserting(60ms);
  one.look(old_path, start);
  one.look(new_path, start + 2950ms);
  CHECK(one.judge(start + 2999ms) == verdict::going_on);
  CHECK(one.judge(start + 3s) == verdict::expired);
  CHECK(one.before() == old_path);
}

TEST_CASE("an absurd round trip can still land within the deadline") {
  auto one = asserting(60s);
  one.look(new_path, start);
  CHECK(one.judge(start + 1500ms) == verdict::landed);
}

TEST_CASE("looks that cost much are further apart, but never beyond the deadline") {
  auto one = asserting(60ms);
  one.look(old_path, start);
  CHECK(one.next(0ns) == start + 5ms);
  CHECK(one.next(5ms) == start + 20ms);
  CHECK(one.next(10s) == start + 3s);
}
