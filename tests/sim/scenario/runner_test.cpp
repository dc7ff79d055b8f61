#include "sim/event_log.hpp"
#include "sim/scenario/golden.hpp"
#include "sim/scenario/runner.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

using namespace lanrage::sim;
using namespace lanrage::sim::scenario;
using namespace std::chrono_literals;

namespace {

struct quiet {
  quiet() { spdlog::set_level(spdlog::level::off); }
} const be_quiet;

const std::string two = R"(description = "Two meet."
until = "20s"
[[relay]]
name = "relay1"
[[member]]
name = "alice"
nat = "symmetric"
[[member]]
name = "bob"
nat = "symmetric"
[[party]]
name = "friends"
creator = "alice"
members = "bob"
)";

outcome run_text(const std::string& text, const run_options& how = {}) {
  const auto what = parse(text, "t.toml");
  if (!what) FAIL(what.error().lines.front());
  const auto got = run(*what, "t.toml", how);
  if (!got) FAIL(got.error().lines.front());
  return *got;
}

} // namespace

TEST_CASE("the same scenario and seed give the same log, another seed another one") {
  std::string first;
  run_options to_text;
  to_text.to_log = [&](std::string_view line) { first += line; };
  const auto one = run_text(two, to_text);
  const auto again = run_text(two);
  CHECK(one.log_hash == again.log_hash);
  CHECK(one.state_hash == again.state_hash);
  CHECK(one.lines == again.lines);
  CHECK(first.find("alice creates friends: done") != std::string::npos);
  run_options other;
  other.seed = 2;
  // Ports are drawn, and endpoints are part of the states that are logged.
  CHECK(run_text(two, other).log_hash != one.log_hash);
}

TEST_CASE("an expectation that is met is no violation, one that is missed is") {
  const std::string pair = "[[expect]]\npair = [\"alice\", \"bob\"]\n";
  CHECK(run_text(two + pair + "is = \"relay\"\nrelay = \"relay1\"\nby = \"10s\"\n")
            .violations.empty());
  const auto got = run_text(two + pair + "is = \"direct\"\nby = \"10s\"\n");
  REQUIRE(got.violations.size() == 1);
  CHECK(got.violations[0].what == missed::kind::liveness);
  CHECK(got.violations[0].where.line > 0);
}

TEST_CASE("a run can end before its scenario does") {
  run_options how;
  how.until = 1s;
  const auto got = run_text(two + "[[event]]\nat = \"10s\"\ndo = \"kill\"\nwho = \"alice\"\n"
                                  "[[expect]]\nline = \"killed\"\nat_most = 0\n",
                            how);
  CHECK(got.ran == 1s);
  CHECK(got.violations.empty());
}

TEST_CASE("pings before the target has an address are a violation") {
  const auto got = run_text(two + "[[event]]\nat = \"0s\"\ndo = \"ping\"\nname = \"p\"\n"
                                  "from = \"alice\"\nto = \"bob\"\ncount = 3\n");
  REQUIRE(got.violations.size() == 1);
  CHECK(got.violations[0].text.find("no address yet") != std::string::npos);
}

TEST_CASE("the silence behind the last answer counts") {
  const auto got =
      run_text(two + "[[event]]\nat = \"5s\"\ndo = \"ping\"\nname = \"p\"\n"
                     "from = \"alice\"\nto = \"bob\"\ngap = \"100ms\"\nfor = \"10s\"\n"
                     "[[event]]\nat = \"10s\"\ndo = \"delete-interface\"\nwho = \"bob\"\n"
                     "[[event]]\nat = \"10s\"\ndo = \"kill\"\nwho = \"bob\"\n");
  REQUIRE(got.streams.size() == 1);
  CHECK(got.streams[0].got.silence >= 5s);
  CHECK(got.streams[0].got.silence < 6s);
}

TEST_CASE("a trace that is not there is bad input and names the file") {
  const auto what = parse(two + "[traces]\nx = \"nowhere.ltr\"\n"
                                "[[link]]\nbetween = [\"alice\", \"bob\"]\ntrace = \"x\"\n",
                          "t.toml");
  REQUIRE(what.has_value());
  const auto got = run(*what, "folder/t.toml", {});
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().lines.at(0).find("folder/nowhere.ltr") != std::string::npos);
}

TEST_CASE("the rerun command says everything that was given") {
  const auto what = parse(two, "t.toml").value();
  CHECK(rerun_command("a b/t.toml", what, {}) == "lanrage sim run 'a b/t.toml' --seed 1");
  run_options how;
  how.seed = 7;
  how.until = 90s;
  how.trace = "x.ltr";
  CHECK(rerun_command("t.toml", what, how) ==
        "lanrage sim run t.toml --seed 7 --until 90s --trace x.ltr");
}

TEST_CASE("a golden table reads what it writes") {
  outcome got;
  got.seed = 3;
  got.lines = 4;
  const golden_table table{{"a", golden_of(got)}};
  CHECK(to_text(table) == "scenario\tseed\tlines\tlog_hash\tstate_hash\n"
                          "a\t3\t4\t0000000000000000\t0000000000000000\n");
}
