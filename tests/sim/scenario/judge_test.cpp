#include "sim/scenario/judge.hpp"
#include "sim/scenario/reader.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim::scenario;
using namespace std::chrono_literals;

namespace {

/// Two members, and whatever is expected of them.
struct trial {
  explicit trial(const std::string& expectation)
      : what(parse("description = \"x\"\nuntil = \"100s\"\n[[relay]]\nname = \"r1\"\n"
                   "[[member]]\nname = \"a\"\n[[member]]\nname = \"b\"\n"
                   "[[event]]\nat = \"1s\"\ndo = \"ping\"\nname = \"p\"\nfrom = \"a\"\nto = \"b\"\n"
                   "count = 10\n[[expect]]\n" +
                       expectation,
                   "t.toml")
                 .value()),
        court(what) {}

  void both(sim::duration now, msg::phase at, std::optional<msg::strategy> how = {},
            const std::string& relay = {}) {
    court.heard(now, 0, 1, pair_view{at, how, relay});
    court.heard(now, 1, 0, pair_view{at, how, relay});
  }
  void look_at_all(sim::duration until) {
    for (const auto& [when, which] : court.moments())
      if (when <= until) court.look(when, which);
  }
  std::vector<missed> verdict(std::optional<ping_result> pings = {}) {
    return court.finish(100s, {pings});
  }

  script what;
  judge court;
};

const std::string pair = "pair = [\"a\", \"b\"]\n";
constexpr auto up = msg::phase::connected;

} // namespace

TEST_CASE("by: once both were there in time, what comes later does not matter") {
  trial t{pair + "is = \"connected\"\nby = \"10s\"\n"};
  t.both(9s, up);
  t.both(9500ms, msg::phase::failed);
  t.look_at_all(100s);
  CHECK(t.verdict().empty());
}

TEST_CASE("by: one side is not both") {
  trial t{pair + "is = \"connected\"\nby = \"10s\"\n"};
  t.court.heard(9s, 0, 1, pair_view{up, {}, {}});
  t.look_at_all(100s);
  const auto missed_ones = t.verdict();
  REQUIRE(missed_ones.size() == 1);
  CHECK(missed_ones[0].what == missed::kind::liveness);
  CHECK(missed_ones[0].text ==
        "expected connected by 10s; then a-b (a says connected, b says nothing)");
}

TEST_CASE("from: a moment of absence is a violation, the first one is told") {
  trial t{pair + "is = \"connected\"\nfrom = \"10s\"\n"};
  t.both(1s, up);
  t.look_at_all(10s);
  t.court.forget(20s, 1);
  t.both(21s, up);
  const auto missed_ones = t.verdict();
  REQUIRE(missed_ones.size() == 1);
  CHECK(missed_ones[0].what == missed::kind::safety);
  CHECK(missed_ones[0].text.find("at 20s") != std::string::npos);
}

TEST_CASE("from: what happens before it or behind its end does not matter") {
  trial t{pair + "is = \"connected\"\nfrom = \"10s\"\nto = \"20s\"\n"};
  t.both(1s, up);
  t.both(5s, msg::phase::failed);
  t.both(6s, up);
  t.look_at_all(20s);
  t.both(30s, msg::phase::failed);
  CHECK(t.verdict().empty());
}

TEST_CASE("from: a state that does not hold at its beginning is a violation") {
  trial t{pair + "is = \"connected\"\nfrom = \"10s\"\n"};
  t.look_at_all(10s);
  CHECK(t.verdict().size() == 1);
}

TEST_CASE("a relay by name is no other relay, and no direct path") {
  const auto wanted = pair + "is = \"relay\"\nrelay = \"r1\"\nat = \"10s\"\n";
  trial right{wanted};
  right.both(1s, up, msg::strategy::relay, "r1");
  right.look_at_all(100s);
  CHECK(right.verdict().empty());
  trial other{wanted};
  other.both(1s, up, msg::strategy::relay, "r2");
  other.look_at_all(100s);
  CHECK(other.verdict().size() == 1);
  trial direct{wanted};
  direct.both(1s, up, msg::strategy::direct);
  direct.look_at_all(100s);
  CHECK(direct.verdict().size() == 1);
}

TEST_CASE("a degraded connection is connected and not healthy") {
  trial connected{pair + "is = \"connected\"\nat = \"10s\"\n"};
  connected.both(1s, msg::phase::degraded);
  connected.look_at_all(100s);
  CHECK(connected.verdict().empty());
  trial healthy{pair + "is = \"healthy\"\nat = \"10s\"\n"};
  healthy.both(1s, msg::phase::degraded);
  healthy.look_at_all(100s);
  CHECK(healthy.verdict().size() == 1);
}

TEST_CASE("lines count where they match and when they count") {
  trial t{"line = \"died\"\nat_most = 1\nfrom = \"10s\"\n"};
  t.court.line(5s, "peer a died");
  t.court.line(11s, "peer a lives");
  t.court.line(12s, "peer a died");
  CHECK(t.verdict().empty());
  t.court.line(13s, "peer b died");
  REQUIRE(t.verdict().size() == 1);
  CHECK(t.verdict()[0].what == missed::kind::safety);
}

TEST_CASE("too few lines are known at the end") {
  trial t{"line = \"died\"\nat_least = 2\n"};
  t.court.line(5s, "peer a died");
  REQUIRE(t.verdict().size() == 1);
  CHECK(t.verdict()[0].what == missed::kind::liveness);
}

TEST_CASE("pings are held against each of their bounds") {
  const std::string stream = "pings = \"p\"\n";
  CHECK(trial{stream + "lost_at_most = 1\n"}.verdict(ping_result{10, 9, 1s}).empty());
  CHECK(trial{stream + "lost_at_most = 1\n"}.verdict(ping_result{10, 8, 1s}).size() == 1);
  CHECK(trial{stream + "silence_at_most = \"2s\"\n"}.verdict(ping_result{10, 10, 2s}).empty());
  CHECK(trial{stream + "silence_at_most = \"2s\"\n"}.verdict(ping_result{10, 10, 3s}).size() == 1);
  CHECK(trial{stream + "answered_at_least = 9\n"}.verdict(ping_result{10, 8, 1s}).size() == 1);
}

TEST_CASE("two members with one address are a violation, none is no address") {
  trial t{"distinct_addresses = true\n"};
  t.court.addresses(1s, {0, 0});
  t.court.addresses(2s, {5, 6});
  CHECK(t.verdict().empty());
  t.court.addresses(3s, {5, 5});
  REQUIRE(t.verdict().size() == 1);
  CHECK(t.verdict()[0].text == "a and b have the same virtual address at 3s");
}
