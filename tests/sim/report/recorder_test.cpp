#include "sim/report/figures.hpp"
#include "sim/report/recorder.hpp"
#include "sim/scenario/reader.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim::report;
using namespace std::chrono_literals;
using lanrage::sim::duration;

namespace {

/// Ways as the test sets them, the same in both directions.
struct ways final : meter {
  std::optional<duration> direct = 10ms;
  std::vector<std::optional<duration>> relays{20ms, 30ms};
  bool possible = true;

  std::optional<duration> one_way(std::uint32_t, std::uint32_t, path over) override {
    if (over == path::direct) return direct;
    return is_relay(over) ? relays[static_cast<std::size_t>(over)] : std::nullopt;
  }
  bool may_be_direct(std::uint32_t, std::uint32_t) override { return possible; }
};

struct run {
  sim::scenario::script of =
      sim::scenario::parse("description = \"x\"\nuntil = \"100s\"\n"
                           "[[relay]]\nname = \"r1\"\n[[relay]]\nname = \"r2\"\n"
                           "[[member]]\nname = \"a\"\n[[member]]\nname = \"b\"\n",
                           "t.toml")
          .value();
  ways links;
  recorder to{of, 100s, links};

  void both(duration now, msg::phase at, std::optional<msg::strategy> how = {},
            const std::string& relay = {}) {
    to.heard(now, 0, 1, {at, how, relay});
    to.heard(now, 1, 0, {at, how, relay});
  }
  pair_figures figures() {
    const auto record = std::move(to).finish();
    REQUIRE(record.pairs.size() == 1);
    return figures_of(record).pairs.front();
  }
};

constexpr auto up = msg::phase::connected;
constexpr auto looking = msg::phase::negotiating;
constexpr auto direct = msg::strategy::direct;
constexpr auto relay = msg::strategy::relay;

} // namespace

TEST_CASE("a connect lasts from when both know each other until both are connected") {
  run r;
  r.to.heard(1s, 0, 1, {looking, {}, {}});
  r.to.heard(3s, 1, 0, {looking, {}, {}});
  r.to.heard(4s, 0, 1, {up, relay, "r1"});
  r.to.heard(5s, 1, 0, {up, relay, "r1"});
  CHECK(r.figures().first_connect == 2s);
}

TEST_CASE("regret is what the round trip on the used way is above that of the best one") {
  run r;
  r.both(0s, up, relay, "r2"); // 60 ms; the best is direct with 20 ms
  r.both(50s, up, direct);
  const auto f = r.figures();
  CHECK(f.regret.mean() == 20ms); // 40 ms for half of the time
  CHECK(f.regret.quantile(500'000) == 0ms);
  CHECK(f.regret.quantile(990'000) == 40ms);
  CHECK(f.over_relay.mean() == 20ms); // r1 has 40 ms
  CHECK(f.relayed == 50s);
  CHECK(f.direct == 50s);
  CHECK(f.switches == 1);
  CHECK(f.outage == 0s);
}

TEST_CASE("where boxes allow no direct path the best relay is the best path") {
  run r;
  r.links.possible = false;
  r.both(0s, up, relay, "r2");
  CHECK(r.figures().regret.mean() == 20ms);
}

TEST_CASE("the two directions are measured on the way that each side uses") {
  run r;
  r.to.heard(0s, 0, 1, {up, relay, "r1"});
  r.to.heard(0s, 1, 0, {up, relay, "r2"});
  const auto record = std::move(r.to).finish();
  CHECK(record.pairs.front().rtts.back().used == 50ms);
}

TEST_CASE("a way that is gone is an outage though both sides still say connected") {
  run r;
  r.both(0s, up, relay, "r1");
  r.links.relays[0].reset();
  r.to.links_changed(10s);
  r.both(40s, up, relay, "r2");
  r.links.relays[1].reset();
  r.to.links_changed(90s);
  const auto f = r.figures();
  CHECK(f.outage == 40s);
  CHECK(f.longest_outage == 30s);
}

TEST_CASE("before the first connect and with a daemon off nothing is an outage") {
  run r;
  r.both(0s, looking);
  r.both(10s, up, direct);
  r.to.forget(20s, 0);
  r.to.heard(50s, 0, 1, {looking, {}, {}});
  r.to.heard(52s, 0, 1, {up, direct, {}});
  const auto record = std::move(r.to).finish();
  const auto f = figures_of(record);
  CHECK(f.pairs.front().outage == 0s); // the tunnel may well live while a daemon starts
  REQUIRE(record.pairs.front().connects.size() == 2);
  CHECK(f.connects.most() == 10s);
  CHECK(f.connects.quantile(1) == 2s);
  CHECK(record.pairs.front().sides[0][2].is == condition::off);
}

TEST_CASE("drops and lost pings are counted in the slice they happened in") {
  run r;
  drop_counts so_far(drop_kinds());
  so_far[1] = 3;
  r.to.tick(1s, so_far);
  so_far[1] = 10;
  r.to.tick(100s, so_far);
  const auto record = std::move(r.to).finish();
  CHECK(record.drops.front()[1] == 3);
  CHECK(record.drops.back()[1] == 7);
}

TEST_CASE("the worst pairs come first: never connected, then outage, then regret") {
  figures all;
  all.pairs.resize(4);
  for (auto& each : all.pairs)
    each.first_connect = 1s;
  all.pairs[0].regret.add(5ms);
  all.pairs[1].regret.add(9ms);
  all.pairs[2].outage = 1s;
  all.pairs[3].first_connect.reset();
  CHECK(worst_first(all) == std::vector<std::size_t>{3, 2, 1, 0});
}
