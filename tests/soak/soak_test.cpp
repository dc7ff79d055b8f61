// Random faults on real processes: nothing is lost that no fault explains, and nothing is left.

#include "lab/failure.hpp"
#include "lab/netns.hpp"
#include "sim/faults/read_plan.hpp"
#include "sim/scenario/reader.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/soak/soak.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <charconv>
#include <cstdlib>
#include <fstream>

using namespace lanrage;
using namespace lanrage::soak;
using namespace std::chrono_literals;
namespace faults = lanrage::sim::faults;
namespace fs = std::filesystem;

namespace {

sim::scenario::script cast() {
  const auto file = fs::path{places::source} / "sim/scenarios/sweep/soak.toml";
  const auto got = sim::scenario::load(file);
  if (!got) FAIL(got.error().lines.front());
  return *got;
}

faults::fault fault_of(const char* kind, const std::string& on, sim::duration start,
                       sim::duration end) {
  return faults::make_fault(*faults::find_kind(std::string_view{kind}), {on}, start, end);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += line + '\n';
  return out;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::uint64_t number(const char* name, std::uint64_t usual) {
  const auto text = environment(name);
  std::uint64_t out = usual;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (!text.empty() && (wrong != std::errc{} || end != text.data() + text.size()))
    FAIL(name << " is \"" << text << "\" and has to be a whole number");
  return out;
}

/// Runs a plan, prints what happened, and requires that nothing went wrong.
void require_peace(const faults::plan& plan) {
  soak_options how;
  how.binary = places::program;
  how.cast = cast();
  how.plan = plan;
  how.logs = environment("LANRAGE_SOAK_LOGS");
  how.progress = [](const std::string& line) { std::cerr << line << std::endl; };
  const auto result = run_soak(how);
  std::string held;
  for (const auto& [name, what] : result.resources)
    held += "  " + name + ": " + std::to_string(what.first.resident_kib) + " to " +
            std::to_string(what.second.resident_kib) + " KiB, " +
            std::to_string(what.first.descriptors) + " to " +
            std::to_string(what.second.descriptors) + " descriptors\n";
  WARN(result.sent << " pings, " << result.lost << " lost, " << result.unexplained.size()
                   << " of them unexplained\n"
                   << held);
  INFO("the plan, to be played again by LANRAGE_SOAK_PLAN:\n" << faults::to_toml(plan));
  INFO(joined(result.unexplained));
  CHECK(result.unexplained.empty());
  INFO(joined(result.wrong));
  CHECK(result.wrong.empty());
  REQUIRE_FALSE(result.prefix.empty());
  CHECK(lab::netns_names(result.prefix).empty());
}

faults::plan plan_for(std::chrono::seconds length) {
  if (const auto file = environment("LANRAGE_SOAK_PLAN"); !file.empty()) {
    const auto got = faults::load_plan(file, cast(), faults::ground::laboratory);
    if (!got) FAIL(joined(got.error().lines));
    return *got;
  }
  return draw(number("LANRAGE_SOAK_SEED", 1), cast(), length);
}

} // namespace

TEST_CASE("a plan for the laboratory has everything that it can do, and quiet times") {
  const auto of = cast();
  std::set<int> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto plan = draw(seed, of, 10min);
    CHECK(plan == draw(seed, of, 10min));
    CHECK(plan == checked(plan, of));
    CHECK(plan.faults.size() >= 10);
    for (const auto& each : plan.faults) {
      seen.insert(each.kind);
      CHECK(each.end % round_length <= faults_within);
    }
    for (const auto& each : excuses(plan, of))
      CHECK(each.to - each.from <= faults_within + settle);
    const auto again =
        faults::parse_plan(faults::to_toml(plan), "p", of, faults::ground::laboratory);
    REQUIRE(again.has_value());
    CHECK(*again == plan);
  }
  CHECK(seen == possible());
}

TEST_CASE("what a laboratory cannot do is refused, and so is its own in a simulation") {
  const auto of = cast();
  faults::plan plan;
  plan.faults = {fault_of("wg-slow", "p1", 1s, 2s)};
  CHECK_THROWS_AS(checked(plan, of), lab::failure);
  plan.faults = {fault_of("stall", "p1", 1s, 2s)};
  CHECK_THROWS_AS(checked(plan, of), lab::failure);
  plan.faults = {fault_of("stall", "all", 1s, 2s)};
  CHECK(checked(plan, of).faults.front().on ==
        std::vector<std::string>{"relay1", "relay2", "control"});
  const auto text = "[[fault]]\nkind = \"junk\"\non = \"p1\"\nstart = \"1s\"\nend = \"2s\"\n";
  const auto got = faults::parse_plan(text, "p.toml", of);
  REQUIRE(!got.has_value());
  CHECK(got.error().lines.front().find("p.toml:2:8: ") == 0);
  CHECK(got.error().lines.front().find("only a laboratory") != std::string::npos);
  CHECK(faults::parse_plan(text, "p.toml", of, faults::ground::laboratory).has_value());
}

TEST_CASE("a loss is excused by faults of its pair, and by relays only when it was relayed") {
  const auto of = cast();
  faults::plan plan;
  plan.faults = {
      fault_of("nat-reboot", "p1-nat", 10s, 12s), fault_of("control-down", "control", 11s, 20s),
      fault_of("relay-down", "relay1", 100s, 101s), fault_of("daemon-restart", "p2", 200s, 201s)};
  const auto all = excuses(plan, of);
  REQUIRE(all.size() == 3);
  CHECK(all[0] == excuse{10s, 20s + settle, {"p1"}, false});
  CHECK(all[1].relayed);
  const std::vector<std::set<member_pair>> direct{{}, {{"p1", "p2"}}, {}};
  CHECK(excused({"p1", "p2"}, 15s, all, direct));
  CHECK(excused({"p3", "p1"}, 39s, all, direct));
  CHECK_FALSE(excused({"p3", "p1"}, 41s, all, direct));
  CHECK_FALSE(excused({"p3", "p2"}, 15s, all, direct)); // the control server alone costs nothing
  CHECK(excused({"p1", "p3"}, 100s, all, direct));
  CHECK_FALSE(excused({"p1", "p2"}, 100s, all, direct));
  CHECK_FALSE(excused({"p1", "p2"}, 200s, all, direct));
}

TEST_CASE("a restart costs packets where memory is lost, or the calendar was ahead") {
  const auto of = cast();
  auto forgets = fault_of("daemon-restart", "p1", 10s, 12s);
  faults::set_argument(forgets, "memory", 0);
  const auto ahead = fault_of("wall-step", "p2", 105s, 115s);
  auto behind = fault_of("wall-step", "p3", 205s, 215s);
  faults::set_argument(behind, "back", 1);
  faults::plan plan;
  plan.faults = {forgets,
                 ahead,
                 fault_of("daemon-restart", "p2", 110s, 111s),
                 behind,
                 fault_of("daemon-restart", "p3", 210s, 211s),
                 fault_of("wall-step", "p4", 305s, 307s), // right again when the daemon starts
                 fault_of("daemon-restart", "p4", 306s, 309s)};
  const auto all = excuses(plan, of);
  REQUIRE(all.size() == 4);
  CHECK(all[0].members == std::set<std::string>{"p1"});
  CHECK(all[1].members == std::set<std::string>{"p2"});
  CHECK(all[2].members.empty());
  CHECK(all[3].members.empty());
}

TEST_CASE("a program's calendar is off by what its file says, at once, and no other's") {
  if (lab::skipped(lab::party_unavailable_reason())) return;
  lab::topology one;
  one.publics.push_back({"p1"});
  lab::laboratory there{one};
  const auto& at = there.at("p1");
  const auto seconds = [&](std::map<std::string, std::string> with) {
    lab::process_spec spec;
    spec.argv = {"date", "+%s"};
    spec.env = std::move(with);
    return std::chrono::seconds{std::stoll(lab::run_command(spec).out)};
  };
  const auto shifted = with_shifted_clock(at);
  const auto near = [](std::chrono::seconds a, std::chrono::seconds b) {
    return a - b < 5s && b - a < 5s;
  };
  CHECK(near(seconds(shifted), seconds({})));
  set_clock(at, 24h);
  CHECK(near(seconds(shifted), seconds({}) + 24h));
  set_clock(at, -1h);
  CHECK(near(seconds(shifted), seconds({}) - 1h));
}

TEST_CASE("two minutes of random faults leave everybody connected and no loss unexplained") {
  if (lab::skipped(lab::party_unavailable_reason())) return;
  require_peace(plan_for(2min));
}

TEST_CASE("an hour of random faults leaves everybody connected and no loss unexplained", "[hour]") {
  if (lab::skipped(lab::party_unavailable_reason())) return;
  require_peace(plan_for(std::chrono::minutes{number("LANRAGE_SOAK_MINUTES", 60)}));
}
