// The matrix of NATs with real daemons behind real NATs, and the same pairs in the simulation.

#include "lab/process.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/sim/simulated_pair.hpp"
#include "tests/support/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace lanrage;
using namespace std::chrono_literals;

namespace {

std::string strategy_of(const boost::json::value& cell) {
  const auto& how = cell.at("strategy");
  return how.is_string() ? std::string{how.as_string()} : "";
}

/// A minute and a quarter; on a busy machine up to four.
void run_matrix() {
  const auto said = lab::run_command({places::program, "demo", "--matrix", "--json"}, {}, 290s);
  INFO(said.err << said.out);
  REQUIRE(said.ok());
  const auto line = boost::json::parse(said.out);
  CHECK(line.at("matrix") == "ok");
  CHECK(line.at("pairs") == 55);
  CHECK(line.at("wrong") == 0);
  CHECK(line.at("direct_p95_ms").to_number<int>() < 250);

  const auto& cells = line.at("cells").as_array();
  std::size_t n = 0;
  for (const auto& round : lab::matrix_rounds())
    for (const auto& [a, b] : round) {
      const auto& cell = cells.at(n++);
      INFO(cell);
      if (!lab::matrix_races(a, b))
        CHECK(strategy_of(cell) == to_string(test::simulated_reach(a, b)));
    }
  CHECK(n == cells.size());
  n = 0;
  const auto& more = line.at("more").as_array();
  for (const auto& pair : lab::matrix_more()) {
    const auto& cell = more.at(n++);
    INFO(cell);
    CHECK(strategy_of(cell) == to_string(test::simulated_reach(pair)));
  }
  CHECK(n == more.size());
}

bool can_run() {
  return !lab::skipped(lab::party_unavailable_reason()) &&
         !lab::skipped(lab::unless_full("takes minutes"));
}

} // namespace

// Three in a row, each a test of its own: the three together may take longer than one test is
// given.
TEST_CASE("every pair of NATs ends in the laboratory as in the simulation") {
  if (can_run()) run_matrix();
}
TEST_CASE("every pair of NATs ends in the laboratory as in the simulation, again") {
  if (can_run()) run_matrix();
}
TEST_CASE("every pair of NATs ends in the laboratory as in the simulation, and a third time") {
  if (can_run()) run_matrix();
}
