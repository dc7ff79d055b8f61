#include "sim/report/page.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

const std::string text = R"(description = "Two <b>meet</b> & part."
until = "90s"
[[relay]]
name = "relay1"
[[relay]]
name = "relay2"
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
[[link]]
between = [["alice", "bob"], "relay2"]
delay = "25ms"
[[event]]
at = "20s"
do = "ping"
name = "steady"
from = "alice"
to = "bob"
gap = "200ms"
for = "60s"
[[event]]
at = "40s"
do = "kill"
who = "relay1"
[[expect]]
pair = ["alice", "bob"]
is = "direct"
by = "10s"
)";

scenario::outcome run_it(const scenario::script& what, bool record) {
  spdlog::set_level(spdlog::level::off);
  scenario::run_options how;
  how.record = record;
  return scenario::run(what, "t.toml", how).value();
}

bool has(const std::string& page, const std::string& part) {
  return page.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a record changes nothing in the run, and the same run gives the same page") {
  const auto what = scenario::parse(text, "t.toml").value();
  const auto plain = run_it(what, false);
  const auto recorded = run_it(what, true);
  CHECK(!plain.record);
  REQUIRE(recorded.record);
  CHECK(recorded.log_hash == plain.log_hash);
  CHECK(recorded.state_hash == plain.state_hash);
  CHECK(recorded.events == plain.events);
  CHECK(report::page(what, recorded, "t.toml", "again") ==
        report::page(what, run_it(what, true), "t.toml", "again"));
}

TEST_CASE("a page says what happened, what was missed and how to do it again") {
  const auto what = scenario::parse(text, "t.toml").value();
  const auto got = run_it(what, true);
  const auto page = report::page(what, got, "dir/t.toml", "lanrage sim run 'a<b.toml' --seed 1");
  CHECK(has(page, ">FAILED</div>"));
  CHECK(has(page, "Two &lt;b&gt;meet&lt;/b&gt; &amp; part."));
  CHECK(has(page, "<b>liveness</b> expected direct by 10s"));
  CHECK(has(page, "data-pair=\"alice \u2013 bob\""));
  CHECK(has(page, "relay1 killed"));
  CHECK(has(page, "symmetric \u2013 symmetric"));
  CHECK(has(page, "moved from relay1 to relay2"));
  CHECK(has(page, "no packet gets through from 40 s"));
  CHECK(has(page, " lost (steady)"));
  CHECK(has(page, "nat_filter: "));
  CHECK(page.ends_with("<pre id=\"rerun\">lanrage sim run &#39;a&lt;b.toml&#39; --seed 1</pre>\n"
                       "</body></html>\n"));
  // Self-contained: nothing is fetched, nothing runs.
  for (const auto* outside : {"http:", "https:", "src=", "<script", "@import", "url(http"})
    CHECK(!has(page, outside));
}

TEST_CASE("the regret of a run is against the best path that there was") {
  const auto what = scenario::parse(text, "t.toml").value();
  const auto numbers = report::figures_of(*run_it(what, true).record);
  REQUIRE(numbers.pairs.size() == 1);
  const auto& pair = numbers.pairs.front();
  // relay2 is 2 x 25 ms and 2 x 200 us away from each end. Boxes allow no direct path, and once
  // relay1 is off there is nothing better.
  CHECK(pair.regret.mean() == 0ms);
  CHECK(pair.switches == 1);
  CHECK(pair.outage > 100ms);
  CHECK(pair.outage < 1s);
  CHECK(pair.direct == 0s);
  CHECK(pair.first_connect.has_value());
}

TEST_CASE("of many pairs the worst have lanes, and the page says how many have none") {
  const auto what =
      scenario::parse("description = \"Ten.\"\nuntil = \"20s\"\n[[relay]]\n"
                      "name = \"r\"\n[[member]]\nname = \"m\"\ncount = 10\n"
                      "[[party]]\nname = \"p\"\ncreator = \"m1\"\nmembers = \"all\"\n",
                      "t.toml")
          .value();
  const auto page = report::page(what, run_it(what, true), "t.toml", "again");
  std::size_t lanes = 0;
  for (auto at = page.find("class=\"lane\""); at != std::string::npos;
       at = page.find("class=\"lane\"", at + 1))
    ++lanes;
  CHECK(lanes == 30);
  CHECK(has(page, "The 30 worst of 45 pairs are shown, 15 are left out"));
  CHECK(has(page, ">PASSED</div>"));
}
