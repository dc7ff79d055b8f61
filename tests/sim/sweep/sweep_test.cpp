#include "sim/sweep/sweep.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage::sim;
using namespace lanrage::sim::sweep;
using namespace std::chrono_literals;

namespace {

row good(std::uint64_t seed) {
  row out;
  out.seed = seed;
  out.ran = 10s;
  out.events = 1'000 + seed;
  out.log_hash = "00000000000000ff";
  out.connect_median = out.connect_most = 300ms;
  return out;
}

results whole(std::uint64_t last, const shard& part = {}) {
  results out;
  out.about.version = "1";
  out.about.scenario = "a b.toml";
  out.about.scenario_hash = "h";
  out.about.seeds = {1, last};
  out.about.part = part;
  for (const auto seed : seeds_of(out.about.seeds, part)) {
    out.rows.push_back(good(seed));
    if (seed % 3 == 0)
      out.rows.back().missed.push_back(
          {scenario::missed::kind::safety, 12, "seed " + std::to_string(seed)});
  }
  return out;
}

} // namespace

TEST_CASE("seeds and shards are understood, and nothing else is") {
  CHECK(parse_seeds("3..7") == seed_range{3, 7});
  CHECK(parse_seeds("7") == seed_range{7, 7});
  for (const auto* bad : {"", "7..3", "1..", "..3", "1...3", "-1..3", "1..x", "0..99999999", "01"})
    CHECK(!parse_seeds(bad));
  CHECK(parse_shard("3/16") == shard{3, 16});
  for (const auto* bad : {"", "3/2", "0/2", "1/0", "1", "/2", "1/", "1/2/3", "-1/2"})
    CHECK(!parse_shard(bad));
}

TEST_CASE("shards have every seed exactly once") {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= 4; ++i)
    for (const auto seed : seeds_of({5, 14}, {i, 4}))
      all.push_back(seed);
  std::sort(all.begin(), all.end());
  CHECK(all == seeds_of({5, 14}, {}));
  CHECK(seeds_of({5, 14}, {2, 4}) == std::vector<std::uint64_t>{6, 10, 14});
  CHECK(seeds_of({1, 2}, {3, 4}).empty());
}

TEST_CASE("merged shards give the text of the sweep without shards") {
  std::vector<named_results> shards;
  for (const std::uint64_t i : {3, 1, 2})
    shards.push_back({"f" + std::to_string(i), whole(10, {i, 3})});
  const auto merged = merge(shards);
  REQUIRE(merged.has_value());
  CHECK(report_text(*merged) == report_text(whole(10)));
}

TEST_CASE("shards that are no whole sweep are refused with what is wrong") {
  const auto problem = [](std::vector<named_results> shards) {
    const auto got = merge(std::move(shards));
    return got ? std::string{} : got.error().lines.front();
  };
  const auto one = whole(10, {1, 3});
  const auto two = whole(10, {2, 3});
  CHECK(problem({{"a", one}, {"b", two}}) == "of 3 shards these are missing: 3");
  CHECK(problem({{"a", one}, {"b", one}}) == "a and b are both shard 1/3");
  auto other = two;
  other.about.version = "2";
  CHECK(problem({{"a", one}, {"b", other}}) ==
        "a and b are of different sweeps: another version of lanrage: 1 and 2");
  other = two;
  other.about.scenario_hash = "i";
  CHECK(problem({{"a", one}, {"b", other}}) ==
        "a and b are of different sweeps: another scenario: h and i");
  CHECK(problem({}) == "there is nothing to merge");
}

TEST_CASE("failures stand together by cause, the shortest run first, with its command") {
  auto of = whole(7);
  of.about.until = "5s";
  of.rows[3].crash = "killed by signal 11";
  of.rows[5].missed.push_back({scenario::missed::kind::liveness, 20, "late"});
  const auto text = report_text(of);
  const auto crash = text.find("1 of 7 seeds: crashed: killed by signal 11\n  seed 4\n"
                               "  lanrage sim run 'a b.toml' --seed 4 --until 5s\n");
  const auto safety = text.find("2 of 7 seeds: line 12: safety: seed 3\n  seeds 3, 6\n"
                                "  lanrage sim run 'a b.toml' --seed 3 --until 5s\n");
  const auto late = text.find("1 of 7 seeds: line 20: liveness: late\n  seed 6\n");
  CHECK(safety != std::string::npos);
  CHECK(crash != std::string::npos);
  CHECK(late != std::string::npos);
  CHECK(safety < late); // 1,003 events and 1,006
  CHECK(text.ends_with("\n7 seeds: 4 ok, 2 safety, 0 liveness, 1 crashed\n"));
  CHECK(exit_of(of.rows) == 13);
}

TEST_CASE("broken invariants stand together by their id, whatever the text") {
  auto of = whole(2);
  of.rows[0].missed.push_back({scenario::missed::kind::safety, 0, "S6 a-b at 1s", "S6"});
  of.rows[1].missed.push_back({scenario::missed::kind::safety, 0, "S6 a-c at 2s", "S6"});
  of.rows[1].missed.push_back({scenario::missed::kind::liveness, 0, "L1 a-c at 2s", "L1"});
  const auto text = report_text(of);
  CHECK(text.find("2 of 2 seeds: safety: S6 a-b at 1s\n  seeds 1, 2\n") != std::string::npos);
  CHECK(text.find("1 of 2 seeds: liveness: L1 a-c at 2s\n") != std::string::npos);
}

TEST_CASE("what was seen is counted over all shards, and what nobody saw is named") {
  auto all = whole(4);
  for (auto& each : all.rows)
    each.seen["a punch was won"] = each.seed;
  all.rows[2].seen["fault f5"] = 1;
  const auto text = report_text(all);
  CHECK(text.find("\na punch was won      4     10\n") != std::string::npos);
  CHECK(text.find("\nfault f5             1      1\n") != std::string::npos);
  CHECK(text.find("never seen: a punch was lost, ") != std::string::npos);
  const auto never = never_seen(all);
  CHECK(std::count(never.begin(), never.end(), "a punch was lost") == 1);
  CHECK(std::count(never.begin(), never.end(), "a punch was won") == 0);
  for (const auto& name : never)
    all.rows[0].seen[name] = 1;
  CHECK(never_seen(all).empty());
}
