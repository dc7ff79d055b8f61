#include "sim/scenario/reader.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim;
using namespace std::chrono_literals;
namespace scenario = lanrage::sim::scenario;

namespace {

const std::string good = R"(description = "Two meet."
until = "60s"

[[relay]]
name = "relay1"

[[nat]]
name = "carrier"
class = "symmetric"
lifetime = "30s"

[[member]]
name = "alice"
behind = "carrier"

[[member]]
name = "bob"
nat = "full-cone"

[[party]]
name = "friends"
creator = "alice"
members = "bob"
)";

/// What is said about `more` behind a good scenario; empty: nothing.
std::string said(const std::string& more) {
  const auto got = scenario::parse(good + more, "s.toml");
  std::string out;
  if (!got)
    for (const auto& line : got.error().lines)
      out += line + '\n';
  return out;
}

scenario::script made(const std::string& more) {
  auto got = scenario::parse(good + more, "s.toml");
  UNSCOPED_INFO(said(more));
  REQUIRE(got.has_value());
  return *got;
}

bool contains(const std::string& text, const std::string& part) {
  UNSCOPED_INFO(text);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a scenario is read with its names resolved") {
  const auto s = made("");
  CHECK(s.until == 60s);
  CHECK(s.seed == 1);
  REQUIRE(s.nats.size() == 2);
  CHECK(s.nats[0].how.mapping == nat_behavior::address_and_port_dependent);
  CHECK(s.nats[0].how.lifetime == 30s);
  CHECK(s.nats[1].name == "bob-nat");
  REQUIRE(s.members.size() == 2);
  CHECK(s.members[0].behind == 0U);
  CHECK(s.members[1].behind == 1U);
  CHECK(s.parties[0].members == std::vector<std::uint32_t>{1});
}

TEST_CASE("a member with a count is as many members, each behind a box of its own") {
  const auto s =
      made("[[member]]\nname = \"p\"\ncount = 3\nnat = \"symmetric\"\nstart_gap = \"1s\"\n");
  REQUIRE(s.members.size() == 5);
  CHECK(s.members[4].name == "p3");
  CHECK(s.members[4].start == 2s);
  CHECK(s.members[4].behind == 4U);
}

TEST_CASE("events are in the order of their times") {
  const auto s = made("[[event]]\nat = \"20s\"\ndo = \"heal\"\n\n"
                      "[[event]]\nat = \"10s\"\ndo = \"kill\"\nwho = [\"alice\", \"relay1\"]\n");
  REQUIRE(s.events.size() == 2);
  CHECK(s.events[0].at == 10s);
  CHECK(std::get<scenario::deed::kill>(s.events[0].what).who.size() == 2);
}

TEST_CASE("shares and rates are exact integers") {
  const auto s =
      made("[[link]]\nbetween = [\"alice\", \"bob\"]\ndelay = \"1.5ms\"\nloss = \"0.25%\"\n"
           "duplicate = 7\nrate = \"1.5Mbit/s\"\nscale = \"150%\"\n");
  const auto& how = s.links.at(0).how;
  CHECK(how.delay == 1500us);
  CHECK(how.loss_ppm == 2'500U);
  CHECK(how.duplicate_ppm == 7U);
  CHECK(how.bits_per_s == 1'500'000U);
  CHECK(how.scale_ppm == 1'500'000U);
}

TEST_CASE("an unknown key is a problem with its place and the key that was meant") {
  const auto text = said("[[event]]\nat = \"1s\"\ndo = \"kill\"\nwhoo = \"alice\"\n");
  CHECK(
      contains(text, "s.toml:27:1: found unknown key \"whoo\", expected a key of [[event]], who"));
  CHECK(contains(text, "without who"));
}

TEST_CASE("an unknown name is a problem that names the nearest one") {
  CHECK(contains(said("[[event]]\nat = \"1s\"\ndo = \"kill\"\nwho = \"alcie\"\n"),
                 "\"alcie\", which nothing is named, expected a member or a relay or control, "
                 "alice perhaps"));
  CHECK(contains(said("[[event]]\nat = \"1s\"\ndo = \"rebind\"\nwho = \"alice\"\n"),
                 "which is a member, expected a nat"));
  CHECK(
      contains(said("[[event]]\nat = \"1s\"\ndo = \"leave\"\nwho = \"bob\"\nparty = \"frends\"\n"),
               "friends perhaps"));
}

TEST_CASE("every problem is listed, in the order of the file") {
  const auto got = scenario::parse("until = 5\nseed = -1\nnonsense = true\n", "s.toml");
  REQUIRE_FALSE(got.has_value());
  const auto& lines = got.error().lines;
  REQUIRE(lines.size() == 4);
  CHECK(contains(lines[0], "without description"));
  CHECK(contains(lines[1], "s.toml:1:9: found integer 5 for until"));
  CHECK(contains(lines[2], "s.toml:2:8: found integer -1 for seed"));
  CHECK(contains(lines[3], "s.toml:3:1: found unknown key \"nonsense\""));
}

TEST_CASE("wrong types and impossible values are problems") {
  const auto [more, part] = GENERATE(table<std::string, std::string>({
      {"[[link]]\nbetween = [\"alice\"]\n", "two ends"},
      {"[[link]]\nbetween = [\"alice\", \"alice\"]\n", "itself"},
      {"[[link]]\nbetween = [\"alice\", \"bob\"]\nloss = \"101%\"\n", "at most 100%"},
      {"[[link]]\nbetween = [\"alice\", \"bob\"]\nloss = 0.5\n", "floating-point"},
      {"[[link]]\nbetween = [\"alice\", \"bob\"]\ntrace = \"x\"\n", "a trace in [traces]"},
      {"[[link]]\nbetween = [\"alice\", \"bob\"]\nrate = \"-1Mbit/s\"\n", "a rate"},
      {"[[link]]\ndelay = \"1ms\"\n", "without between and among"},
      {"[[event]]\nat = \"61s\"\ndo = \"heal\"\n", "from 0s to 60s"},
      {"[[event]]\nat = \"1s\"\ndo = \"haal\"\n", "heal perhaps"},
      {"[[event]]\nat = \"1s\"\ndo = \"move\"\nwho = \"bob\"\n", "without behind"},
      {"[[event]]\nat = \"1s\"\ndo = \"ping\"\nname = \"p\"\nfrom = \"bob\"\nto = \"bob\"\ncount = "
       "1\n",
       "itself"},
      {"[[event]]\nat = \"1s\"\ndo = \"ping\"\nname = \"p\"\nfrom = \"bob\"\nto = \"alice\"\n",
       "without count and for"},
      {"[[expect]]\npair = [\"alice\", \"bob\"]\nis = \"connected\"\n", "without a time"},
      {"[[expect]]\npair = [\"alice\", \"bob\"]\nis = \"connected\"\nby = \"1s\"\nat = \"2s\"\n",
       "only one of them"},
      {"[[expect]]\npair = [\"alice\"]\nis = \"connected\"\nby = \"1s\"\n", "two of them"},
      {"[[expect]]\nby = \"1s\"\n", "of no kind"},
      {"[[expect]]\npair = [\"alice\", \"bob\"]\nis = \"apart\"\nby = \"1s\"\n",
       "apart from the beginning"},
      {"[[expect]]\nline = \"x\"\n", "without a bound"},
      {"[[member]]\nname = \"alice\"\n", "a second"},
      {"[[member]]\nname = \"Alice\"\n", "a-z 0-9"},
      {"[[member]]\nname = \"m\"\ncount = 10001\n", "from 1 to 10000"},
      {"[[member]]\nname = \"m\"\ncheck_timeout = \"2m\"\n", "check_timeout"},
      {"[world]\ninternet_delay = 10\n", "a duration with its unit"},
      {"[[nat]]\nname = \"n\"\nclass = \"port-restrictd\"\n", "port-restricted perhaps"},
      {"[[nat]]\nname = \"n\"\nbehind = \"n\"\n", "which nothing is named"},
      {"nat = 5\n", "expected"},
      {"[[event]\n", "the syntax of TOML 1.0"},
      {"[[member]]\nname = \"\xff\"\n", "the syntax of TOML 1.0"},
  }));
  INFO(more);
  const auto text = said(more);
  CHECK(text.starts_with("s.toml:"));
  CHECK(contains(text, part));
}

TEST_CASE("a text that is too large is not read") {
  const auto got = scenario::parse(std::string(2'000'000, '#'), "s.toml");
  REQUIRE_FALSE(got.has_value());
  CHECK(contains(got.error().lines.at(0), "at most 1 MiB"));
}

TEST_CASE("a hundred problems are listed and the others counted") {
  std::string many;
  for (int i = 0; i < 150; ++i)
    many += "[[event]]\nat = \"1s\"\ndo = \"kill\"\nwho = \"nobody\"\n";
  const auto got = scenario::parse(good + many, "s.toml");
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().lines.size() == 101);
  CHECK(contains(got.error().lines.back(), "50 more problems"));
}

TEST_CASE("a file that is not there is a problem") {
  CHECK_FALSE(scenario::load("/nonexistent/x.toml").has_value());
}

TEST_CASE("a scenario with an endless key is refused, not a crash") {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i)
    key += ".a";
  const auto read = scenario::parse(key + " = 1\n", "f.toml");
  REQUIRE(!read);
  CHECK(read.error().lines.front().starts_with("f.toml:1:32: found a key of more parts"));
}
