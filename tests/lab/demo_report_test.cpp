#include "lab/demo_report.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;

namespace {

demo_result good() {
  demo_result r;
  r.peers = 3;
  demo_pair p;
  p.a = "p1";
  p.b = "p2";
  p.nat_a = p.nat_b = "port-restricted";
  p.strategy = "direct";
  p.connect = milliseconds_f{409.6};
  p.rtt = milliseconds_f{31.24};
  r.pairs = {p};
  r.relay_kill_pair = "p1-p3";
  r.outage = milliseconds_f{900};
  return r;
}

} // namespace

TEST_CASE("a good demo is the line that docs/interfaces.md promises") {
  CHECK(
      to_json(good()) ==
      R"({"demo":"ok","peers":3,"pairs":[{"a":"p1","b":"p2","nat":"port-restricted/port-restricted",)"
      R"("strategy":"direct","connect_ms":410,"rtt_ms":31.2,"lost":0}],)"
      R"("relay_kill":{"pair":"p1-p3","outage_ms":900},"daemon_kill":{"lost_packets":0}})");
}

TEST_CASE("an outage that never ended is null, and a problem makes the demo fail") {
  auto r = good();
  r.outage.reset();
  r.problems = {"p1-p3 \"never\" recovered"};
  auto line = to_json(r);
  CHECK_THAT(line, Catch::StartsWith(R"({"demo":"failed")"));
  CHECK_THAT(line, Catch::Contains(R"("outage_ms":null)"));
  CHECK_THAT(line, Catch::Contains(R"("problems":["p1-p3 \"never\" recovered"])"));
  CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("a simulated demo says so right behind its result, a real one says nothing") {
  auto r = good();
  CHECK(to_json(r).find("simulated") == std::string::npos);
  r.simulated = true;
  CHECK(to_json(r).starts_with(R"({"demo":"ok","simulated":true,"peers":)"));
}

TEST_CASE("tables align their columns and end no line with a blank") {
  CHECK(table({{"a", "long"}, {"wide", ""}, {"x", "y"}}) == "a     long\nwide\nx     y\n");
}

TEST_CASE("a matrix is ok only when every cell is as expected") {
  std::vector<matrix_cell> cells{{"open", "symmetric", "direct", "direct", milliseconds_f{100}}};
  CHECK_THAT(to_json(cells), Catch::StartsWith(R"({"demo":"ok")"));
  cells.push_back({"symmetric", "symmetric", "", "relay", std::nullopt});
  CHECK_THAT(to_json(cells), Catch::StartsWith(R"({"demo":"failed")"));
}
