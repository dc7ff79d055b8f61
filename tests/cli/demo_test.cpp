// `lanrage demo` where no laboratory can be built: told by the simulation, and said so.
#include "cli/demo.hpp"
#include "tests/cli/fake_daemon.hpp"
#include "tests/cli/programs.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace lanrage::cli;
using test::listen_to;

namespace {

struct told {
  int code = -1;
  std::string out, err;
};

told tell(const demo_options& options) {
  told out;
  const auto said =
      listen_to([&] { out.code = run_simulated_demo(options, "as the test wants it"); });
  out.out = said.out;
  out.err = said.err;
  return out;
}

} // namespace

TEST_CASE("the simulated demo is ok and tells the shape that scripts rely on") {
  demo_options options;
  options.json = true;
  const auto said = tell(options);
  INFO(said.out << said.err);
  CHECK(said.code == 0);
  REQUIRE(said.out.find('\n') == said.out.size() - 1);
  const auto line = boost::json::parse(said.out).as_object();
  CHECK(line.at("demo") == "ok");
  CHECK(line.at("simulated") == true);
  CHECK(line.at("peers") == 3);
  const auto& pairs = line.at("pairs").as_array();
  REQUIRE(pairs.size() == 3);
  const char* strategies[] = {"direct", "relay", "relay"};
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& pair = pairs[i].as_object();
    CHECK(pair.at("strategy") == strategies[i]);
    CHECK(pair.at("lost") == 0);
    CHECK(pair.at("connect_ms").to_number<int>() > 0);
    CHECK(pair.at("connect_ms").to_number<int>() < 2'000);
    CHECK(pair.at("rtt_ms").to_number<double>() >= 30); // twice the 15 ms between hosts
  }
  CHECK(pairs[0].at("nat") == "port-restricted/port-restricted");
  CHECK(pairs[2].at("nat") == "port-restricted/symmetric");
  CHECK(line.at("relay_kill").at("pair") == "p1-p3");
  CHECK(line.at("relay_kill").at("outage_ms").to_number<int>() > 0);
  CHECK(line.at("daemon_kill").at("lost_packets") == 0);
}

TEST_CASE("the simulated demo says why it is one, in the order of what happens") {
  const auto said = tell({});
  CHECK(said.code == 0);
  CHECK(said.err.find("no laboratory here: as the test wants it") != std::string::npos);
  CHECK(said.err.find("simulation") != std::string::npos);
  const auto connected = said.out.find("p1-p3: connected, relay by relay1");
  const auto killed = said.out.find("killing relay1");
  const auto moved = said.out.find("p1-p3: connected, relay by relay2");
  INFO(said.out);
  CHECK(connected < killed);
  CHECK(killed < moved);
  CHECK(moved < std::string::npos);
}

TEST_CASE("a delay that is given holds in the simulated demo, too") {
  demo_options options;
  options.json = true;
  options.one_way_delay = std::chrono::milliseconds{40};
  const auto said = tell(options);
  const auto line = boost::json::parse(said.out).as_object();
  CHECK(line.at("pairs").as_array()[0].at("rtt_ms").to_number<double>() >= 80);
}

TEST_CASE("the program falls back by itself where tools of the laboratory are missing") {
  const test::folder in;
  // Whoever runs this: without wg in PATH there is no laboratory.
  test::program demo{in, "demo", {"demo", "--json"}, {{"PATH", in.path.string()}}};
  const auto line = demo.line();
  CHECK(demo.exit_code() == 0);
  CHECK(line.find(R"({"demo":"ok","simulated":true,)") == 0);
  CHECK(demo.log().find("no laboratory here") != std::string::npos);
}
