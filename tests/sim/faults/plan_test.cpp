#include "sim/faults/draw.hpp"
#include "sim/faults/plan.hpp"
#include "sim/faults/read_plan.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace lanrage::sim;
using namespace lanrage::sim::faults;
using namespace std::chrono_literals;

namespace {

const std::string stage = R"(description = "Somebody."
until = "20m"
[[relay]]
name = "relay1"
[[member]]
name = "alice"
nat = "symmetric"
[[member]]
name = "bob"
nat = "port-restricted"
)";

scenario::script script() {
  const auto got = scenario::parse(stage, "s.toml");
  REQUIRE(got.has_value());
  return *got;
}

std::vector<std::string> problems(const std::string& text) {
  const auto got = parse_plan(text, "p.toml", script());
  return got ? std::vector<std::string>{} : got.error().lines;
}

std::string one_problem(const std::string& text) {
  const auto got = problems(text);
  REQUIRE(got.size() == 1);
  return got.front();
}

} // namespace

TEST_CASE("the table of faults has each id once, and what is usual and drawn is allowed") {
  int last = 0;
  std::set<std::string> names;
  for (const auto& each : kinds()) {
    INFO(label(each.id));
    CHECK(each.id > last);
    last = each.id;
    CHECK(names.insert(each.name).second);
    CHECK(each.at != 0);
    CHECK(each.shortest <= each.longest);
    CHECK((each.instant || each.longest > 0s));
    for (const auto& argument : each.arguments) {
      INFO(argument.name);
      CHECK(argument.least <= argument.usual);
      CHECK(argument.usual <= argument.most);
      CHECK(argument.least <= argument.draw_least);
      CHECK(argument.draw_least <= argument.draw_most);
      CHECK(argument.draw_most <= argument.most);
    }
  }
  CHECK(last == last_id);
  CHECK(kinds().size() >= 50);
  CHECK(find_kind("F2") == find_kind("loss"));
  CHECK(find_kind("F67") == &laboratory_kinds().front());
  CHECK(find_kind("F66") != nullptr);
  CHECK(find_kind("F70") == find_kind("hostile-relay"));
  CHECK(find_kind("F72") == nullptr);
}

TEST_CASE("a plan that was written is read as the same plan, whatever is in it") {
  const auto of = script();
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto drawn = draw_plan(seed, of, of.until);
    const auto again = parse_plan(to_toml(drawn.what, {"a comment"}), "p.toml", of);
    if (!again) FAIL(again.error().lines.front());
    CHECK(*again == drawn.what);
  }
}

TEST_CASE("what a plan leaves out is as usual, and kinds go by number, too") {
  const auto got = parse_plan(
      "[[fault]]\nkind = \"F2\"\non = \"alice\"\nstart = \"1s\"\nend = \"2s\"\n", "p", script());
  REQUIRE(got.has_value());
  REQUIRE(got->faults.size() == 1);
  CHECK(argument_of(got->faults[0], "share") == 200'000);
  CHECK(describe(got->faults[0]) == "F2 loss on alice, 1s to 2s, share 20%, burst 1, way both");
}

TEST_CASE("every problem of a plan is listed with its place") {
  const auto got = problems("sede = 1\n"
                            "[[fault]]\n"
                            "kind = \"loss\"\n"
                            "on = [\"alice\", \"carol\"]\n"
                            "start = 5\n"
                            "end = \"1s\"\n"
                            "share = \"101%\"\n"
                            "brust = 3\n"
                            "[[fault]]\n"
                            "kind = \"los\"\n"
                            "[[fault]]\n"
                            "kind = \"nat-reboot\"\n"
                            "on = \"alice\"\n"
                            "start = \"5s\"\n"
                            "end = \"1s\"\n");
  const auto has = [&](const std::string& start, const std::string& part) {
    return std::any_of(got.begin(), got.end(), [&](const std::string& line) {
      return line.starts_with(start) && line.find(part) != std::string::npos;
    });
  };
  CHECK(got.size() == 8);
  CHECK(has("p.toml:1:1:", "seed perhaps"));
  CHECK(has("p.toml:4:16:", "\"carol\", which nothing is named"));
  CHECK(has("p.toml:5:9:", "a duration with its unit"));
  CHECK(has("p.toml:7:9:", "a share such as"));
  CHECK(has("p.toml:8:1:", "burst perhaps"));
  CHECK(has("p.toml:10:8:", "loss perhaps"));
  CHECK(has("p.toml:13:6:", "\"alice\", which it cannot happen to"));
  CHECK(has("p.toml:15:7:", "an end before the start"));
}

TEST_CASE("a plan that cannot be meant is refused") {
  const std::string good = "[[fault]]\nkind = \"relay-forgets\"\non = \"relay1\"\nstart = \"1s\"\n";
  CHECK(problems(good).empty());
  CHECK(one_problem(good + "end = \"2s\"\n").find("unknown key") != std::string::npos);
  CHECK(one_problem("[[fault]]\nkind = \"loss\"\non = [\"bob\", \"bob\"]\nstart = \"1s\"\nend = "
                    "\"2s\"\n")
            .find("a name twice in on") != std::string::npos);
  CHECK(one_problem("[[fault]]\n").find("without kind") != std::string::npos);
  CHECK(one_problem("fault = 3\n").find("[[fault]] tables") != std::string::npos);
  CHECK(one_problem("x = \n").find("no TOML") != std::string::npos);
  CHECK(one_problem(std::string(2'000'000, '#')).find("at most 1 MiB") != std::string::npos);
  std::string many;
  for (int i = 0; i < 1'001; ++i)
    many += good;
  CHECK(one_problem(many).find("at most 1000") != std::string::npos);
}

TEST_CASE("a scenario can have faults of its own") {
  const auto with = stage + "[[fault]]\nkind = \"loss\"\non = \"bob\"\nto = \"relay1\"\nstart = "
                            "\"1s\"\nend = \"2s\"\n";
  const auto got = scenario::parse(with, "s.toml");
  REQUIRE(got.has_value());
  REQUIRE(got->faults.faults.size() == 1);
  CHECK(got->faults.faults[0].to == std::vector<std::string>{"relay1"});
  const auto bad = scenario::parse(with + "[[fault]]\nkind = \"loss\"\n", "s.toml");
  REQUIRE(!bad.has_value());
  CHECK(bad.error().lines.front().find("without on") != std::string::npos);
}

TEST_CASE(
    "plans are drawn in swarms: the same from a seed, others from others, some kinds left out") {
  const auto of = script();
  CHECK(draw_plan(7, of, of.until).what == draw_plan(7, of, of.until).what);
  CHECK(draw_plan(7, of, of.until).knobs == draw_plan(7, of, of.until).knobs);
  std::map<int, int> seeds_with;
  bool zero = false;
  constexpr int seeds = 300;
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto drawn = draw_plan(static_cast<std::uint64_t>(seed), of, of.until);
    CHECK(drawn.knobs.size() == drawn.what.faults.size() + 1);
    std::set<int> in;
    for (const auto& each : drawn.what.faults) {
      in.insert(each.kind);
      CHECK(each.start >= of.until / 10);
      CHECK(each.end <= of.until / 4 * 3);
      CHECK(each.start <= each.end);
      zero = zero || (each.kind == 2 && argument_of(each, "share") == 0);
    }
    for (const auto kind : in)
      ++seeds_with[kind];
  }
  CHECK(zero);
  // Each kind is there with some seeds and not with most of them.
  for (const auto& each : kinds()) {
    INFO(label(each.id));
    CHECK(seeds_with[each.id] > seeds / 20);
    CHECK(seeds_with[each.id] < seeds * 3 / 4);
  }
}

TEST_CASE("one kind's draws do not move another's") {
  auto two = script();
  auto three = script();
  three.relays.push_back({"relay2"}); // more to aim at for faults of relays and links
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto of_members = [](const plan& all) {
      std::vector<fault> out;
      for (const auto& each : all.faults)
        if (find_kind(each.kind)->at == aim_members) out.push_back(each);
      return out;
    };
    CHECK(of_members(draw_plan(seed, two, 20min).what) ==
          of_members(draw_plan(seed, three, 20min).what));
  }
}
