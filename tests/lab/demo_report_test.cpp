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

namespace {

matrix_cell cell(const char* a, const char* b, const char* reached, const char* expected) {
  return {a, b, reached, expected, milliseconds_f{100}};
}

} // namespace

TEST_CASE("a matrix is the line that docs/interfaces.md promises") {
  matrix_result r;
  r.pairs = {cell("open", "symmetric", "direct", "direct")};
  r.pairs[0].direct = milliseconds_f{140.4};
  r.pairs[0].relayed = milliseconds_f{60};
  r.more = {{"one network", "", "direct", "direct"}};
  CHECK(to_json(r) ==
        R"({"matrix":"ok","pairs":1,"direct":1,"relay":0,"none":0,"wrong":0,)"
        R"("direct_p95_ms":140,"relayed_p95_ms":60,"cells":[)"
        R"({"nat":"open/symmetric","strategy":"direct","expected":"direct","connect_ms":100,)"
        R"("direct_ms":140,"relayed_ms":60}],"more":[{"nat":"one network",)"
        R"("strategy":"direct","expected":"direct","connect_ms":null,"direct_ms":null,)"
        R"("relayed_ms":null}]})");
}

TEST_CASE("a cell is wrong when it ended worse than expected, not when better") {
  CHECK_FALSE(cell("a", "b", "direct", "relay").wrong());
  CHECK_FALSE(cell("a", "b", "relay", "relay").wrong());
  CHECK_FALSE(cell("a", "b", "", "").wrong());
  CHECK(cell("a", "b", "relay", "direct").wrong());
  CHECK(cell("a", "b", "", "relay").wrong());
  auto strange = cell("a", "b", "direct", "direct");
  strange.problem = "went elsewhere";
  CHECK(strange.wrong());
  matrix_result r;
  r.pairs = {cell("a", "b", "direct", "direct")};
  CHECK(r.ok());
  r.more = {strange};
  CHECK_FALSE(r.ok());
  CHECK_THAT(to_json(r), Catch::StartsWith(R"({"matrix":"failed")"));
  CHECK_THAT(to_json(r), Catch::Contains(R"("wrong":1)"));
}

TEST_CASE("one slow pair in twenty does not make the 95th of 100, two do") {
  matrix_result r;
  CHECK_FALSE(r.direct_p95());
  for (int i = 1; i <= 20; ++i) {
    r.pairs.push_back(cell("a", "b", "direct", "direct"));
    r.pairs.back().direct = milliseconds_f{i == 20 ? 9000.0 : i};
  }
  CHECK(r.direct_p95() == milliseconds_f{19});
  r.pairs.front().direct = milliseconds_f{9000};
  CHECK(r.direct_p95() == milliseconds_f{9000});
}
