#include "net/gate.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace std::chrono_literals;

TEST_CASE("a gate lets its burst through at once, then its rate") {
  gate g;
  const auto t0 = gate::time_point{} + 1h;
  int passed = 0;
  for (int i = 0; i < 100; ++i)
    if (g.admit(t0, 10ms, 50ms)) ++passed;
  CHECK(passed == 6); // what is owed may reach 50 ms before the next is refused
  CHECK_FALSE(g.admit(t0 + 10ms - 1ns, 10ms, 50ms));
  CHECK(g.admit(t0 + 10ms, 10ms, 50ms));
}

TEST_CASE("unused rate is not saved up beyond the burst") {
  gate g;
  const auto t0 = gate::time_point{} + 1h;
  g.admit(t0, 10ms, 0ns);
  int passed = 0;
  for (int i = 0; i < 100; ++i)
    if (g.admit(t0 + 1h, 10ms, 0ns)) ++passed;
  CHECK(passed == 1);
}
