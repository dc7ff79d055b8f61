#include "actors/delay_history.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace std::chrono_literals;
using actors::delay_history;
using actors::delay_persistence;

TEST_CASE("a delay that was never measured has a forecast without samples") {
  CHECK(delay_history{}.forecast(delay_persistence{}) == msg::path_forecast{});
}

TEST_CASE("a steady delay is expected to stay") {
  delay_persistence persistence;
  delay_history leg;
  for (int i = 0; i < 40; ++i)
    leg.answered(42ms, persistence);
  const auto now = leg.forecast(persistence);
  CHECK(now.expected == 42ms);
  CHECK(now.usual == 42ms);
  CHECK(now.jitter == 0ms);
  CHECK(now.loss_permille == 0);
  CHECK(now.samples == 40);
  CHECK(persistence.permille(20) > 970);
}

TEST_CASE("where spikes last one measurement the forecast after one is near the usual") {
  delay_persistence persistence;
  delay_history leg;
  for (int i = 0; i < 100; ++i) {
    leg.answered(40ms, persistence);
    leg.answered(40ms, persistence);
    leg.answered(400ms, persistence);
  }
  // Behind a change the delay held as often as it did not: one of two changes is a spike's end.
  const auto now = leg.forecast(persistence);
  CHECK(now.expected < 300ms);
  CHECK(now.expected > now.usual);
}

TEST_CASE("where delays come in levels the last one is believed until the level is old") {
  delay_persistence persistence;
  delay_history leg;
  for (int level = 0; level < 60; ++level)
    for (int i = 0; i < 5; ++i)
      leg.answered(level % 2 == 0 ? 50ms : 500ms, persistence);
  CHECK(persistence.permille(1) > 900);
  CHECK(persistence.permille(4) > 900);
  CHECK(persistence.permille(5) < 100);
  CHECK(leg.forecast(persistence).expected < 350ms); // 500 ms, but about to end
  leg.answered(50ms, persistence);
  CHECK(leg.forecast(persistence).expected < 60ms);
}

TEST_CASE("a loss counts as a second and is told as loss") {
  delay_persistence persistence;
  delay_history leg;
  for (int i = 0; i < 320; ++i) {
    if (i % 10 == 9)
      leg.lost(persistence);
    else
      leg.answered(10ms, persistence);
  }
  const auto now = leg.forecast(persistence);
  CHECK(now.loss_permille >= 70);
  CHECK(now.loss_permille <= 130);
  CHECK(now.usual > 80ms);
  CHECK(now.usual < 140ms);
}

TEST_CASE("one absurd measurement does not spoil what is usual") {
  delay_persistence persistence;
  delay_history leg;
  for (int i = 0; i < 32; ++i)
    leg.answered(40ms, persistence);
  leg.answered(std::chrono::hours{5'000}, persistence);
  CHECK(leg.last() == 1h);
  CHECK(leg.forecast(persistence).usual < 140ms);
  leg.answered(-5ms, persistence);
  CHECK(leg.last() == 0ms);
}

TEST_CASE("the first measurements count alike") {
  delay_persistence persistence;
  delay_history leg;
  for (const auto rtt : {10ms, 20ms, 30ms, 40ms})
    leg.answered(rtt, persistence);
  CHECK(leg.forecast(persistence).usual > 24'900us);
  CHECK(leg.forecast(persistence).usual <= 25ms);
}

TEST_CASE("how long delays hold is relearnt when it changes") {
  delay_persistence persistence;
  for (int i = 0; i < 100'000; ++i)
    persistence.saw(1, false);
  CHECK(persistence.permille(1) > 990);
  for (int i = 0; i < 10'000; ++i)
    persistence.saw(1, true);
  CHECK(persistence.permille(1) < 300);
}

TEST_CASE("legs in a row add up") {
  const msg::path_forecast a{10ms, 20ms, 2ms, 100, 7};
  const msg::path_forecast b{1ms, 2ms, 3ms, 500, 3};
  CHECK(a + b == msg::path_forecast{11ms, 22ms, 5ms, 550, 3});
}
