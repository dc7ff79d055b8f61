#include "lab/nat_matrix.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <string>

using namespace lanrage::lab;

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

TEST_CASE("what the matrix has besides is between members of its party") {
  std::set<std::string> names, carriers;
  for (const auto& each : matrix_carriers())
    carriers.insert(each.name);
  for (const auto& each : matrix_members()) {
    CHECK(names.insert(each.name).second);
    CHECK((each.behind.empty() || carriers.contains(each.behind)));
  }
  CHECK(names.contains(matrix_member(matrix_nat_count - 1, 'b')));
  for (const auto& each : matrix_more()) {
    CHECK(names.contains(each.a));
    CHECK(names.contains(each.b));
    CHECK(each.expected != reach::none);
  }
}
