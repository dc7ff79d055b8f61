#include "actors/backoff.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::actors;
using namespace std::chrono_literals;

TEST_CASE("a backoff doubles to its maximum and starts again after a reset") {
  backoff wait{10s, 300s};
  for (const auto expected : {10s, 20s, 40s, 80s, 160s, 300s, 300s})
    CHECK(wait.next() == expected);
  wait.reset();
  CHECK(wait.peek() == 10s);
  CHECK(wait.next() == 10s);
}

TEST_CASE("a backoff never overflows") {
  backoff wait{1ms, backoff::duration::max()};
  for (int i = 0; i < 200; ++i)
    CHECK(wait.next() > 0ms);
}
