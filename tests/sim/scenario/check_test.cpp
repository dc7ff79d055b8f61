#include "sim/scenario/check.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim::scenario;

namespace {

/// `count` lines, number `odd` (from 1) another one.
log_run lines(std::uint64_t count, std::uint64_t odd = 0) {
  return [=](const std::function<void(std::string_view)>& line) {
    for (std::uint64_t i = 1; i <= count; ++i)
      line(i == odd ? "odd" : "line " + std::to_string(i));
  };
}

} // namespace

TEST_CASE("equal logs have no difference") {
  CHECK_FALSE(first_difference(digest_of(lines(1'000)), digest_of(lines(1'000))));
}

TEST_CASE("the first line that differs is found with what stands around it") {
  const auto [count, odd] = GENERATE(table<std::uint64_t, std::uint64_t>({{1, 1},
                                                                          {100, 1},
                                                                          {100, 64},
                                                                          {100, 65},
                                                                          {100, 100},
                                                                          {400'000, 262'145},
                                                                          {400'000, 399'999}}));
  INFO(count << " lines, number " << odd << " differs");
  const auto where = first_difference(digest_of(lines(count)), digest_of(lines(count, odd)));
  REQUIRE(where);
  CHECK(where->begin < odd);
  CHECK(odd <= where->end);
  const auto found = look_closely(lines(count), lines(count, odd), *where);
  CHECK(found.line == odd);
  REQUIRE_FALSE(found.one.empty());
  CHECK(found.one[0] == "line " + std::to_string(odd));
  CHECK(found.other.at(0) == "odd");
  CHECK(found.one.size() <= context_lines);
  CHECK(found.before.size() == std::min<std::uint64_t>(odd - 1, context_lines));
}

TEST_CASE("a log that ends early differs where it ends") {
  for (const std::uint64_t shorter : {0, 63, 64, 65, 999}) {
    const auto where = first_difference(digest_of(lines(1'000)), digest_of(lines(shorter)));
    REQUIRE(where);
    const auto found = look_closely(lines(1'000), lines(shorter), *where);
    CHECK(found.line == shorter + 1);
    CHECK(found.other.empty());
  }
}

TEST_CASE("logs of different order of magnitude are compared, too") {
  const auto where = first_difference(digest_of(lines(600'000)), digest_of(lines(1'000, 500)));
  REQUIRE(where);
  CHECK(look_closely(lines(600'000), lines(1'000, 500), *where).line == 500);
}

TEST_CASE("a digest's memory does not grow with the log") {
  const auto of_many = digest_of(lines(3'000'000));
  CHECK(of_many.gap() >= 1'024);
  CHECK(of_many.lines() == 3'000'000);
}

TEST_CASE("lines do not run into each other") {
  digest one, other;
  one.add("ab");
  one.add("c");
  other.add("a");
  other.add("bc");
  CHECK(first_difference(one, other));
}
