// Plans in whole runs.
#include "sim/faults/draw.hpp"
#include "sim/scenario/runner.hpp"
#include "tests/sim/faults/bare_stage.hpp"

#include <spdlog/spdlog.h>

using namespace lanrage;
using namespace lanrage::sim;
using lanrage::test::bare_stage;
using namespace std::chrono_literals;

namespace {

const std::string three = R"(description = "Three and a relay."
until = "60s"
[[relay]]
name = "relay1"
[[member]]
name = "p"
count = 3
nat = "port-restricted"
[[party]]
name = "friends"
creator = "p1"
members = "all"
[[expect]]
among = "all"
is = "connected"
at = "50s"
)";

scenario::script script(const std::string& more = {}, const scenario::reading& how = {}) {
  spdlog::set_level(spdlog::level::off);
  const auto got = scenario::parse(three + more, "t.toml", how);
  if (!got) FAIL(got.error().lines.front());
  return *got;
}

struct played {
  scenario::outcome got;
  std::string log;
};
played play(const scenario::script& what, scenario::run_options how = {}) {
  played out;
  how.to_log = [&](std::string_view line) { out.log += line; };
  const auto got = scenario::run(what, "t.toml", how);
  if (!got) FAIL(got.error().lines.front());
  out.got = *got;
  return out;
}

const std::string cut_off =
    "[[fault]]\nkind = \"partition\"\non = \"p2-nat\"\nstart = \"20s\"\nend = "
    "\"55s\"\n";

} // namespace

TEST_CASE("every kind of the table is somebody's business and can be begun and ended") {
  for (const auto& each : faults::kinds()) {
    INFO(faults::label(each.id));
    const std::string on = (each.at & faults::aim_members)  ? "bob"
                           : (each.at & faults::aim_boxes)  ? "bob-nat"
                           : (each.at & faults::aim_relays) ? "relay1"
                                                            : "control";
    bare_stage stage{"kind = \"" + std::string{each.name} + "\"\non = \"" + on +
                     "\"\nstart = \"1s\"\n" + (each.instant ? "" : "end = \"5s\"\n")};
    stage.run(20s);
    CHECK(stage.lines("fault " + faults::label(each.id) + " begin: ") == 1);
    CHECK(stage.lines("fault " + faults::label(each.id) + " end\n") == (each.instant ? 0 : 1));
  }
}

TEST_CASE("a plan breaks a run, says what fired in which states, and its violation has a name") {
  const auto usual = play(script());
  CHECK(usual.got.violations.empty());
  CHECK(usual.got.faults.empty());
  const auto broken = play(script(cut_off));
  REQUIRE(broken.got.violations.size() == 1);
  CHECK(scenario::first_violation(broken.got) == "liveness line 13");
  CHECK(scenario::first_violation(usual.got).empty());
  REQUIRE(broken.got.faults.size() == 1);
  const auto& seen = broken.got.faults[0];
  CHECK(seen.kind == 10);
  CHECK(seen.fired > 10);
  CHECK(seen.in[static_cast<std::size_t>(msg::phase::connected)] > 0);
  CHECK(seen.in[static_cast<std::size_t>(msg::phase::reconnecting)] > 0);
  CHECK(broken.log.find(" fault F10 partition\n") != std::string::npos);
  // Until it begins nothing is another.
  const auto same = broken.log.rfind('\n', broken.log.find("fault F10"));
  REQUIRE(same != std::string::npos);
  CHECK((broken.log.compare(0, same, usual.log, 0, same) == 0));
}

TEST_CASE("the same plan gives the same run, and plans of the options take the scenario's place") {
  const auto what = script(cut_off);
  CHECK(play(what).got.log_hash == play(what).got.log_hash);
  scenario::run_options none;
  none.plan = faults::plan{};
  CHECK(play(what, none).got.log_hash == play(script()).got.log_hash);
  scenario::run_options drawn;
  drawn.draw_faults = true;
  drawn.seed = 3;
  const auto one = play(what, drawn);
  CHECK(one.got.log_hash == play(what, drawn).got.log_hash);
  // As a plan from a file.
  scenario::run_options same;
  same.seed = 3;
  same.plan = faults::draw_plan(3, what, what.until).what;
  CHECK(play(what, same).got.log_hash == one.got.log_hash);
}

TEST_CASE("commands that do it again have everything that broke, and fewer members where wanted") {
  scenario::run_options how;
  how.seed = 4;
  how.count = 2;
  how.draw_faults = true;
  const auto what = script("", {2U});
  CHECK(what.members.size() == 2);
  CHECK(scenario::rerun_command("t.toml", what, how) ==
        "lanrage sim run t.toml --seed 4 --count 2 --faults");
  how.draw_faults = false;
  how.plan_file = "a b.toml";
  CHECK(scenario::rerun_command("t.toml", what, how) ==
        "lanrage sim run t.toml --seed 4 --count 2 --plan 'a b.toml'");
  how.draw_faults = true;
  const auto lines = scenario::preamble(what, "t.toml", how);
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.starts_with("# swarm: seed 4");
        }) == 1);
}
