#include "lab/process.hpp"
#include "tests/cli/programs.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>

using namespace lanrage;
using cli::test::folder;

/// `lanrage sim` as people and batch systems start it.
namespace {

lab::command_result run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), lanrage::places::program);
  return lab::run_command(std::move(arguments), {}, std::chrono::minutes{4});
}

/// Two that meet at once; a third of the seeds, about, miss what is expected.
const std::string coin = R"(description = "Two meet on a link that loses."
until = "4s"
[[relay]]
name = "relay1"
[[member]]
name = "alice"
[[member]]
name = "bob"
[[party]]
name = "friends"
creator = "alice"
members = "bob"
[[link]]
between = ["alice", "bob"]
loss = "20%"
[[event]]
at = "2s"
do = "ping"
name = "few"
from = "alice"
to = "bob"
gap = "100ms"
count = 6
[[expect]]
pings = "few"
lost_at_most = 2
)";

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a sweep's results do not depend on how many run at once or on shards") {
  const folder in;
  const auto scenario = in.write("coin.toml", coin).string();
  const auto one = run({"sim", "sweep", scenario, "--seeds", "1..9", "--jobs", "1"});
  const auto three = run({"sim", "sweep", scenario, "--seeds", "1..9", "--jobs", "3"});
  CHECK(one.out == three.out);
  CHECK(one.status.code == three.status.code);
  CHECK((one.status.code == 0 || one.status.code == 10));
  CHECK(contains(one.out, "9 seeds: "));
  CHECK(contains(one.err, "9 seeds in "));
  std::vector<std::string> merge{"sim", "merge"};
  for (const auto* part : {"2/2", "1/2"}) {
    merge.push_back((in.path / part).string());
    std::replace(merge.back().end() - 3, merge.back().end(), '/', '-');
    (void)run(
        {"sim", "sweep", scenario, "--seeds", "1..9", "--shard", part, "--out", merge.back()});
  }
  const auto merged = run(merge);
  CHECK(merged.out == one.out);
  CHECK(merged.status.code == one.status.code);
  merge.pop_back();
  const auto half = run(merge);
  CHECK(half.status.code == 2);
  CHECK(contains(half.err, "of 2 shards these are missing: 1"));
}

TEST_CASE("the documentation's way to sweep with xargs gives the table of one sweep") {
  const folder in;
  const auto scenario = in.write("coin.toml", coin).string();
  lab::process_spec spec;
  // As in docs/simulation.md.
  spec.argv = {"sh", "-c",
               "cd \"$1\" && seq 4 | xargs -P 2 -I{} \"$0\" sim sweep coin.toml --seeds 1..8 "
               "--shard {}/4 --jobs 1 --out part-{}.jsonl >/dev/null; "
               "\"$0\" sim merge part-*.jsonl",
               lanrage::places::program, in.path.string()};
  const auto merged = lab::run_command(spec, {}, std::chrono::minutes{4});
  lab::process_spec whole;
  whole.argv = {"sh", "-c", "cd \"$1\" && \"$0\" sim sweep coin.toml --seeds 1..8",
                lanrage::places::program, in.path.string()};
  const auto alone = lab::run_command(whole, {}, std::chrono::minutes{4});
  CHECK(merged.out == alone.out);
  CHECK(contains(alone.out, "8 seeds: "));
}

TEST_CASE("a seed that crashes or does not end is a row, not the end of the sweep") {
  const folder in;
  const auto scenario = in.write("coin.toml", coin).string();
  const auto got =
      run({"sim", "sweep", scenario, "--seeds", "1..3", "--timeout", "1ms", "--jobs", "2"});
  CHECK(got.status.code == 13);
  CHECK(contains(got.out, "3 of 3 seeds: crashed: no end within 1 ms"));
  CHECK(contains(got.out, "lanrage sim run " + scenario + " --seed 1\n"));
}

TEST_CASE("a sweep that makes no sense is refused with what was expected") {
  const folder in;
  const auto scenario = in.write("coin.toml", coin).string();
  const auto refused = [&](std::vector<std::string> arguments, const std::string& expected) {
    arguments.insert(arguments.begin(), {"sim", "sweep", scenario});
    const auto got = run(arguments);
    INFO(got.out << got.err);
    CHECK(got.status.code == 2);
    CHECK(contains(got.err, expected));
  };
  refused({"--seeds", "9..1"}, "found '9..1', expected a range such as 1..100");
  refused({"--seeds", "1..2", "--shard", "3/2"}, "found '3/2', expected a part such as 3/16");
  refused({"--seeds", "1..2", "--jobs", "0"}, "found '0', expected a number from 1 to 1024");
  refused({"--seeds", "1..2", "--timeout", "0s"}, "found '0s', expected a duration");
  refused({}, "--seeds");
  CHECK(run({"sim", "sweep", "/nonexistent.toml", "--seeds", "1..2"}).status.code == 2);
}

TEST_CASE("results that were cut off or changed are refused with their line") {
  const folder in;
  const auto scenario = in.write("coin.toml", coin).string();
  const auto whole = (in.path / "whole").string();
  (void)run({"sim", "sweep", scenario, "--seeds", "1..3", "--out", whole});
  const auto text = in.read("whole");
  const auto refused = [&](const std::string& other, const std::string& expected) {
    const auto file = in.write("other", other).string();
    const auto got = run({"sim", "merge", file});
    INFO(got.err);
    CHECK(got.status.code == 2);
    CHECK(contains(got.err, file + expected));
  };
  CHECK(run({"sim", "merge", whole}).status.code != 2);
  refused("", ":1: found the file's end, expected a sweep's heading");
  refused("hello\n", ":1: found no JSON object, expected a sweep's heading");
  refused("{}\n", ":1: found no \"lanrage_sweep\", expected a count");
  refused(text.substr(0, text.size() - 1),
          ":5: found a line that is cut off, expected {\"rows\":3}");
  refused(text.substr(0, text.find('\n') + 9),
          ":2: found a line that is cut off, expected the line");
  refused(text.substr(0, text.rfind('{')), ":5: found the file's end, expected {\"rows\":3}");
  refused(text + "{}\n", ":6: found more, expected the file's end");
  auto swapped = text;
  swapped.replace(swapped.find("\"seed\":2"), 8, "\"seed\":3");
  refused(swapped, ":3: found seed 3, expected the line of seed 2");
  auto negative = text;
  negative.replace(negative.find("\"events\":"), 9, "\"events\":-");
  refused(negative, ":2: found another \"events\", expected a count");
}

TEST_CASE("a report stands in a real browser") {
  if (!lab::find_program("chromium")) {
    std::cout << "\nSKIPPED: chromium is not installed (scripts/bootstrap full)\n";
    return;
  }
  const folder in;
  const auto scenario = std::string{lanrage::places::source} + "/sim/scenarios/relay-slow.toml";
  const auto page = (in.path / "report.html").string();
  const auto done = run({"sim", "run", scenario, "--report", page});
  REQUIRE(done.status.code == 0);
  const auto seen = lab::run_command(
      {"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
       "--user-data-dir=" + (in.path / "profile").string(), "--dump-dom", "file://" + page},
      {}, std::chrono::minutes{2});
  INFO(seen.err);
  REQUIRE(seen.ok());
  // What the browser made of it, not what we wrote: all elements are closed by it.
  CHECK(contains(seen.out, "data-pair=\"alice \u2013 bob\""));
  CHECK(contains(seen.out, "PASSED"));
  for (const auto* picture : {"timeline", "connect-times", "extra-rtt", "drops"})
    CHECK(contains(seen.out, "<svg class=\"" + std::string{picture} + '"'));
  CHECK(contains(seen.out, "</td></tr>"));
  CHECK(contains(seen.out, "moved from relay1 to relay2"));
  CHECK(contains(seen.out, "--seed 1</pre>"));
}
