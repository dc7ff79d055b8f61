#include "actors/path_choice.hpp"
#include "config/path_defaults.hpp"
#include "tests/support/chosen_paths.hpp"
#include "tests/support/splitmix.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;
using namespace std::chrono_literals;
using actors::path_reason;
namespace defaults = config::defaults;

namespace {

std::chrono::microseconds noisy(splitmix& random, std::chrono::microseconds around) {
  return around * static_cast<std::int64_t>(800 + random.below(401)) / 1'000;
}
constexpr auto lost = std::chrono::microseconds{-1};

} // namespace

TEST_CASE("without a path the cheapest living one is taken") {
  chosen_paths pair{3};
  pair.current.reset();
  CHECK(pair.round({90ms, 30ms, 60ms}).why == path_reason::start);
  CHECK(pair.on(1));
}

TEST_CASE("an unmeasured path is taken only if no measured one lives") {
  chosen_paths pair{2};
  pair.round({50ms});
  pair.current.reset();
  pair.decide();
  CHECK(pair.on(0));
  pair.candidates[0].living = false;
  CHECK(pair.decide().why == path_reason::dead);
  CHECK(pair.on(1));
  CHECK(pair.decide().why == path_reason::no_path);
  pair.candidates[0].living = true;
  CHECK(pair.decide().why == path_reason::unmeasured);
}

TEST_CASE("a dead path is left in the same round, whatever was switched before") {
  chosen_paths pair{3};
  pair.round({30ms, 60ms, 90ms});
  pair.candidates[0].living = false;
  const auto said = pair.decide();
  CHECK(said.why == path_reason::dead);
  CHECK(pair.on(1));
  pair.candidates[1].living = false;
  CHECK(pair.decide().why == path_reason::dead);
  CHECK(pair.on(2));
  pair.candidates[2].living = false;
  const auto none = pair.decide();
  CHECK(none.why == path_reason::no_path);
  CHECK_FALSE(none.to);
}

TEST_CASE("a path that jams is left within two rounds") {
  chosen_paths pair{2};
  for (int i = 0; i < 40; ++i)
    pair.round({40ms, 50ms});
  CHECK(pair.on(0));
  pair.round({900ms, 50ms});
  pair.round({900ms, 50ms});
  CHECK(pair.on(1));
  CHECK(pair.switches == 1);
}

TEST_CASE("a somewhat better path is taken after minutes, not at once") {
  chosen_paths pair{2};
  int rounds = 0;
  for (; rounds < 400 && pair.on(0); ++rounds)
    pair.round({80ms, 40ms});
  CHECK(pair.on(1));
  CHECK(rounds >= 4);
  CHECK(rounds <= 40); // ten minutes
  for (int i = 0; i < 400; ++i)
    pair.round({80ms, 40ms});
  CHECK(pair.switches == 1);
}

TEST_CASE("a path that is hardly better is never worth a switch") {
  chosen_paths pair{2};
  for (int i = 0; i < 1'000; ++i)
    pair.round({50ms, 42ms});
  CHECK(pair.switches == 0);
}

TEST_CASE("a large gain is taken during the dwell of the last switch, a small one is not") {
  chosen_paths pair{3};
  for (int i = 0; i < 40; ++i)
    pair.round({60ms, 50ms, 45ms});
  pair.round({800ms, 50ms, 45ms});
  pair.round({800ms, 50ms, 45ms});
  REQUIRE(pair.on(2));
  const auto left = pair.now;
  while (pair.on(2) && pair.now - left < 10min)
    pair.round({800ms, 50ms, 120ms});
  CHECK(pair.on(1));
  CHECK(pair.now - left >= defaults::path_dwell);
}

TEST_CASE("20 % noise on all paths for an hour is at most one switch in ten minutes") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    splitmix random{seed};
    chosen_paths pair{5};
    std::vector<std::chrono::microseconds> real;
    for (int i = 0; i < 5; ++i)
      real.push_back(std::chrono::microseconds{20'000 + random.below(200'000)});
    for (int ten = 0; ten < 6; ++ten) {
      const auto before = pair.switches;
      for (int i = 0; i < 40; ++i) {
        std::vector<std::chrono::microseconds> seen;
        for (const auto each : real)
          seen.push_back(noisy(random, each));
        pair.round(seen);
      }
      INFO("seed " << seed << ", ten minutes number " << ten);
      CHECK(pair.switches - before <= 1);
    }
  }
}

TEST_CASE("a switch that is taken back at once doubles the next gain needed, and that wears off") {
  chosen_paths pair{2};
  pair.every = 5s;
  for (int i = 0; i < 40; ++i)
    pair.round({50ms, 50ms});
  const auto needed = [&] { return pair.round({50ms, 51ms}).needed; };
  const auto calm = needed();
  const auto flap = [&] {
    for (const std::size_t to : {1u, 0u}) {
      pair.current = chosen_paths::at(to);
      pair.round({50ms, 50ms});
    }
  };
  flap();
  const auto once = needed();
  CHECK(once > calm * 3 / 2);
  for (int i = 0; i < 10; ++i)
    flap();
  CHECK(needed() <= once * (1 << defaults::path_caution_max) / 2 + 10ms);
  pair.now += defaults::path_caution_forgotten * (defaults::path_caution_max + 1);
  CHECK(needed() < once);
}

TEST_CASE("coming back after a while is no mistake") {
  chosen_paths pair{2};
  for (int i = 0; i < 40; ++i)
    pair.round({50ms, 50ms});
  const auto calm = pair.round({50ms, 50ms}).needed;
  pair.current = chosen_paths::at(1);
  pair.round({50ms, 50ms});
  pair.now += defaults::path_back_within;
  pair.current = chosen_paths::at(0);
  CHECK(pair.round({50ms, 50ms}).needed == calm);
}

TEST_CASE("a lossy direct path loses to a clean relay, a clean one does not") {
  for (const bool lossy : {false, true}) {
    splitmix random{7};
    chosen_paths pair{2};
    pair.candidates[0].by = msg::strategy::direct;
    for (int i = 0; i < 240; ++i)
      pair.round({lossy && random.chance(0.15) ? lost : 20ms, 35ms});
    INFO("lossy: " << lossy);
    CHECK(pair.on(lossy ? 1 : 0));
    CHECK(pair.switches <= 2);
  }
}

TEST_CASE("of two equal paths the one without deaths, without a crowd, and direct is cheaper") {
  chosen_paths pair{2};
  pair.round({50ms, 50ms});
  auto& a = pair.candidates[0];
  const auto& b = pair.candidates[1];
  CHECK(actors::path_cost(a) == actors::path_cost(b));
  a.failures = 1;
  CHECK(actors::path_cost(a) > actors::path_cost(b));
  a.failures = 0;
  a.load_permille = 950;
  CHECK(actors::path_cost(a) > actors::path_cost(b));
  a.by = msg::strategy::direct;
  CHECK(actors::path_cost(a) < actors::path_cost(b));
}

TEST_CASE("while a pinned relay lives the others do not count, direct still does") {
  chosen_paths pair{4};
  pair.candidates[3].by = msg::strategy::direct;
  pair.candidates[2].pinned = true;
  CHECK(pair.round({20ms, 30ms, 90ms, 500ms}).why == path_reason::pinned);
  CHECK(pair.on(2));
  for (int i = 0; i < 100; ++i)
    pair.round({20ms, 30ms, 90ms, 500ms});
  CHECK(pair.on(2));
  for (int i = 0; i < 100; ++i)
    pair.round({20ms, 30ms, 90ms, 10ms});
  CHECK(pair.on(3));
  pair.candidates[2].living = false;
  pair.candidates[3].living = false;
  pair.decide();
  CHECK(pair.on(0));
}

TEST_CASE("every decision is one sentence with names and figures") {
  chosen_paths pair{2};
  pair.round({50ms, 45ms});
  const auto stays = pair.round({50ms, 45ms});
  CHECK(stays.why == path_reason::not_enough);
  CHECK(actors::sentence(stays, "berlin", "tokyo") ==
        "berlin costs 55.0 ms, tokyo 50.0 ms: less than 100.0 ms gained, and not for long enough "
        "yet");
  pair.round({900ms, 45ms});
  const auto goes = pair.round({900ms, 45ms});
  if (goes.to)
    CHECK(actors::sentence(goes, "berlin", "tokyo").find("gained at once") != std::string::npos);
  CHECK(pair.on(1));
  for (int why = 0; why <= static_cast<int>(path_reason::lasting); ++why) {
    actors::path_decision any;
    any.why = static_cast<path_reason>(why);
    CHECK_FALSE(actors::sentence(any, "a", "b").empty());
  }
}

TEST_CASE("whatever is measured, the advice is a living candidate other than the path in use") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    splitmix random{seed};
    chosen_paths pair{1 + random.below(6)};
    for (int i = 0; i < 200; ++i) {
      pair.every = std::chrono::milliseconds{random.below(100'000)};
      std::vector<std::chrono::microseconds> seen;
      for (auto& each : pair.candidates) {
        each.living = !random.chance(0.1);
        each.pinned = random.chance(0.02);
        each.failures = static_cast<int>(random.below(10)) - 2;
        each.by = random.chance(0.2) ? msg::strategy::direct : msg::strategy::relay;
        each.load_permille = static_cast<std::uint16_t>(random.next());
        seen.push_back(random.chance(0.1) ? lost
                                          : std::chrono::microseconds{static_cast<std::int64_t>(
                                                random.next() >> (1 + random.below(60)))});
      }
      if (random.chance(0.05)) pair.current.reset();
      const auto before = pair.current;
      const auto said = pair.round(seen);
      INFO("seed " << seed << ", round " << i);
      const auto find = [&](const auto& where) {
        return std::find_if(pair.candidates.begin(), pair.candidates.end(),
                            [&](const auto& each) { return where && each.where == *where; });
      };
      if (said.to) {
        REQUIRE(find(said.to) != pair.candidates.end());
        REQUIRE(find(said.to)->living);
        REQUIRE(said.to != before);
        if (said.why == path_reason::much) REQUIRE(said.here - said.there >= said.needed);
      } else {
        // Staying on a dead path means that nothing else lives.
        const auto here = find(before);
        if (here == pair.candidates.end() || !here->living)
          REQUIRE(said.why == path_reason::no_path);
      }
    }
  }
}

TEST_CASE("equal histories give equal decisions, in whatever order the candidates stand") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    splitmix random{seed};
    chosen_paths one{4};
    actors::path_chooser other;
    for (int i = 0; i < 300; ++i) {
      std::vector<std::chrono::microseconds> seen;
      for (int k = 0; k < 4; ++k)
        seen.push_back(std::chrono::microseconds{10'000 * (1 + random.below(60))});
      const auto before = one.current;
      const auto said = one.round(seen);
      auto shuffled = one.candidates;
      std::rotate(shuffled.begin(), shuffled.begin() + random.below(4), shuffled.end());
      const auto again = other.decide(one.now, before, shuffled);
      REQUIRE(again.to == said.to);
      REQUIRE(again.why == said.why);
    }
  }
}
