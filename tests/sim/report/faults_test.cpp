#include "sim/report/faults.hpp"
#include "sim/scenario/reader.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim::report;
using namespace std::chrono_literals;
namespace scenario = lanrage::sim::scenario;

namespace {

std::vector<fault> faults(const std::string& events) {
  const auto of = scenario::parse("description = \"x\"\nuntil = \"100s\"\n[[relay]]\nname = \"r\"\n"
                                  "[[member]]\nname = \"a\"\n[[member]]\nname = \"b\"\n"
                                  "[[link]]\nbetween = [\"a\", \"r\"]\ndelay = \"5ms\"\n" +
                                      events,
                                  "t.toml");
  if (!of) FAIL(of.error().lines.front());
  return faults_of(*of, 100s);
}

std::string event(const std::string& at, const std::string& what) {
  return "[[event]]\nat = \"" + at + "\"\n" + what + '\n';
}

} // namespace

TEST_CASE("what is killed stays so until it is started, or to the end") {
  const auto got = faults(event("10s", "do = \"kill\"\nwho = \"a\"") +
                          event("20s", "do = \"start\"\nwho = \"a\"") +
                          event("30s", "do = \"kill\"\nwho = \"r\""));
  REQUIRE(got.size() == 2);
  CHECK(got[0].text == "a killed");
  CHECK(got[0].from == 10s);
  CHECK(got[0].to == 20s);
  CHECK(got[0].members == std::vector<std::uint32_t>{0});
  CHECK(got[1].to == 100s);
  CHECK(got[1].members.empty()); // a relay is everybody's
}

TEST_CASE("a link's window ends when it is again as in the beginning") {
  const auto link = [](const std::string& how) {
    return "do = \"link\"\nbetween = [\"a\", \"r\"]\n" + how;
  };
  const auto got =
      faults(event("10s", link("delay = \"50ms\"")) + event("20s", link("loss = \"100%\"")) +
             event("30s", link("delay = \"5ms\"\nloss = \"0%\"")));
  REQUIRE(got.size() == 2);
  CHECK(got[0].text == "a\u2013r: delay 50 ms");
  CHECK(got[0].to == 20s);
  CHECK(got[1].text == "a\u2013r: loss 100 %");
  CHECK(got[1].to == 30s);
}

TEST_CASE("partitions heal and deeds without a length are moments") {
  const auto got = faults(event("10s", "do = \"partition\"\ngroups = [[\"a\"], [\"b\"]]") +
                          event("40s", "do = \"heal\"") +
                          event("50s", "do = \"delete-interface\"\nwho = \"b\""));
  REQUIRE(got.size() == 2);
  CHECK(got[0].text == "partition: a | b");
  CHECK(got[0].to == 40s);
  CHECK(!got[1].to);
}

TEST_CASE("a plan's faults are windows and moments, about whom they reach") {
  const auto plan = [](const std::string& kind, const std::string& on, const std::string& more) {
    return "[[fault]]\nkind = \"" + kind + "\"\non = " + on + "\nstart = \"10s\"\n" + more + '\n';
  };
  const std::string end = "end = \"30s\"\n";
  const auto got = faults("[[nat]]\nname = \"box\"\nclass = \"symmetric\"\n"
                          "[[member]]\nname = \"c\"\nbehind = \"box\"\n" +
                          plan("loss", "[\"a\"]", "to = [\"b\"]\nshare = \"20%\"\n" + end) +
                          plan("wg-slow", "[\"a\", \"b\"]", end) +
                          plan("nat-reboot", "\"box\"", end) + plan("relay-forgets", "\"r\"", ""));
  REQUIRE(got.size() == 4);
  CHECK(got[0].text == "loss a");
  CHECK(got[0].to == 30s);
  CHECK(got[0].between);
  CHECK(got[0].members == std::vector<std::uint32_t>{0, 1});
  CHECK(got[0].detail.find("share 20%") != std::string::npos);
  CHECK_FALSE(got[1].between);
  CHECK(got[1].members == std::vector<std::uint32_t>{0, 1});
  CHECK(got[2].members == std::vector<std::uint32_t>{2});
  CHECK(got[3].members.empty());
  CHECK_FALSE(got[3].to); // at once
}
