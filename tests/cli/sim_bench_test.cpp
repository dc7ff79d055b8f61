#include "cli/sim_bench.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace lanrage::cli;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

bench_case tiny() {
  bench_case out;
  out.name = "tiny";
  out.crowd.members = 4;
  out.crowd.check_interval = 1s;
  out.span = 10s;
  return out;
}

} // namespace

TEST_CASE("the benchmark counts the round trips of every connected pair") {
  const auto got = measure(tiny());
  CHECK(got.members == 4);
  CHECK(got.counts.peers == 4);
  CHECK(got.counts.connected == 4);
  CHECK(got.counts.direct == 4);
  // One each second and peer actor; the first or last may be under way.
  CHECK(got.counts.round_trips >= 36);
  CHECK(got.counts.round_trips <= 44);
  CHECK(got.virtual_s == Approx(10));
  CHECK(got.events > 4 * got.counts.round_trips);
}

TEST_CASE("the benchmark's world gives the same log each time") {
  CHECK(measure(tiny()).log_hash == measure(tiny()).log_hash);
}

TEST_CASE("groups have a link between every two members") {
  auto what = tiny();
  what.crowd.members = 7; // rounded up to three groups
  what.crowd.group = 3;
  what.crowd.check_interval = 30s;
  const auto got = measure(what);
  CHECK(got.members == 9);
  CHECK(got.counts.connected == 18);
}

TEST_CASE("the benchmark's daemon has a connection to every member that was there once") {
  bench_case what;
  what.absent = 20;
  what.span = 10s;
  const auto got = measure(what);
  CHECK(got.members == 1);
  CHECK(got.counts.peers == 20);
  CHECK(got.counts.connected == 0);
  CHECK(measure(what).log_hash == got.log_hash);
}

TEST_CASE("links of the benchmark take 1 to 80 ms") {
  bool differ = false;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const auto delay = lanrage::sim::delay_of_link(i);
    CHECK((delay >= 1ms && delay <= 80ms));
    differ = differ || delay != lanrage::sim::delay_of_link(0);
  }
  CHECK(differ);
}

TEST_CASE("sim bench --json has the figures that scripts read") {
  bench_options what;
  what.json = true;
  what.own = tiny();
  int code = -1;
  const auto said = test::listen_to([&] { code = sim_bench(what); });
  REQUIRE(code == 0);
  const auto got = json::parse(said.out).as_object();
  const auto& first = got.at("cases").as_array().at(0).as_object();
  CHECK(first.at("case") == "tiny");
  for (const auto* each : {"round_trips_per_cpu_s", "events_per_cpu_s"}) {
    CHECK(got.at(each).is_number());
    CHECK(got.at(each) == first.at(each));
  }
  for (const auto* each :
       {"members", "peers", "direct", "check_interval_s", "virtual_s", "cpu_s", "setup_cpu_s",
        "round_trips", "events", "virtual_s_per_cpu_s", "octets_per_peer"})
    CHECK(first.at(each).is_number());
  CHECK(first.at("log_hash").as_string().size() == 16);
}
