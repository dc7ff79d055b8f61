#include "sim/faults/shrink.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage::sim;
using namespace lanrage::sim::faults;
using namespace std::chrono_literals;

namespace {

trial many(int faults) {
  trial out;
  out.until = 1h;
  for (int i = 0; i < faults; ++i)
    out.what.faults.push_back(make_fault(*find_kind("loss"), {"m" + std::to_string(i), "x", "y"},
                                         1min * (i % 50), 1min * (i % 50) + 5min));
  return out;
}

bool names(const fault& of, const std::string& name) {
  return std::find(of.on.begin(), of.on.end(), name) != of.on.end();
}
bool has(const trial& of, const std::string& name) {
  return std::any_of(of.what.faults.begin(), of.what.faults.end(),
                     [&](const fault& each) { return names(each, name); });
}

} // namespace

TEST_CASE("a run that fails by two of many faults shrinks to these two") {
  std::size_t asked = 0;
  const auto got = shrink(many(64),
                          [&](const trial& each) {
                            ++asked;
                            return has(each, "m7") && has(each, "m50");
                          },
                          {});
  REQUIRE(got.best.what.faults.size() == 2);
  CHECK(got.complete);
  CHECK(got.runs == asked);
  // Only the names that matter are left; a run of no length is too short for them.
  for (const auto& each : got.best.what.faults)
    CHECK(each.on.size() == 1);
  CHECK(asked < 400);
}

TEST_CASE("end, windows and members shrink to what still fails") {
  const auto got = shrink(
      many(10),
      [](const trial& each) {
        if (each.until < 10min || each.count.value_or(20) < 3) return false;
        return std::any_of(each.what.faults.begin(), each.what.faults.end(), [](const fault& f) {
          return names(f, "m4") && f.start <= 5min && f.end >= 6min && f.end - f.start >= 30s;
        });
      },
      {20, 10'000});
  REQUIRE(got.best.what.faults.size() == 1);
  CHECK(got.best.until < 10min + 2s);
  CHECK(got.best.count == 3);
  const auto& left = got.best.what.faults[0];
  CHECK(left.end < 6min + 2s);
  CHECK(left.end - left.start < 1min + 3s);
}

TEST_CASE("what fails without any fault shrinks to an empty plan") {
  const auto got = shrink(many(5), [](const trial&) { return true; }, {});
  CHECK(got.best.what.faults.empty());
  CHECK(got.best.until < 3s);
}

TEST_CASE("shrinking stops at its limit with the best so far, which fails") {
  const auto fails = [](const trial& each) { return has(each, "m1"); };
  const auto got = shrink(many(64), fails, {0, 5});
  CHECK(!got.complete);
  CHECK(got.runs == 5);
  CHECK(fails(got.best));
}
