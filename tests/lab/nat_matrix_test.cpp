#include "lab/nat_matrix.hpp"
#include "lab/process.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <string>

using namespace lanrage::lab;
using namespace std::chrono_literals;

TEST_CASE("the matrix has every pair once, in rounds whose pairs do not disturb each other") {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  const auto rounds = matrix_rounds();
  for (const auto& round : rounds) {
    std::set<std::size_t> busy;
    for (const auto& [a, b] : round) {
      CHECK(a <= b);
      CHECK(seen.insert({a, b}).second);
      if (&round == &rounds.back()) continue;
      CHECK(busy.insert(a).second);
      if (a != b) CHECK(busy.insert(b).second);
    }
  }
  CHECK(seen.size() == 55);
}

TEST_CASE("the table of expectations is whole") {
  std::size_t direct = 0, relay = 0, none = 0;
  for (std::size_t a = 0; a < matrix_nat_count; ++a)
    for (std::size_t b = a; b < matrix_nat_count; ++b) {
      CHECK(matrix_expects(a, b) == matrix_expects(b, a));
      CHECK(matrix_races(a, b) == matrix_races(b, a));
      const auto how = matrix_expects(a, b);
      ++(how == reach::direct ? direct : how == reach::relay ? relay : none);
    }
  CHECK(none == 0);
  CHECK(direct + relay == 55);
  CHECK(relay == 13 + matrix_nat_count); // three of them race, ten have no UDPs
}

// Real daemons behind real NATs: three minutes.
TEST_CASE("every pair of NATs goes direct where it can") {
  if (skipped(party_unavailable_reason()) || skipped(unless_full("takes minutes"))) return;
  const auto said = run_command({lanrage::places::program, "demo", "--matrix", "--json"}, {}, 280s);
  INFO(said.err << said.out);
  CHECK(said.ok());
  CHECK(said.out.find(R"({"matrix":"ok","pairs":55,)") == 0);
  CHECK(said.out.find(R"("wrong":0)") != std::string::npos);
}
