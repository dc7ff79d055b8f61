#include "sim/trace/gen.hpp"
#include "sim/trace/replay.hpp"
#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

constexpr link_id only{0};

std::string name_of(const reading& now) {
  static constexpr const char* names[] = {"sample", "lost", "unknown", "down", "ended"};
  return std::string{names[static_cast<int>(now.is)]} +
         (now.is == reading::state::sample ? " " + std::to_string(now.value->count()) : "");
}

/// What holds at each of the times.
std::string at(const std::string& body, const std::vector<int>& times, replay::options how = {},
               const std::string& head = one_link) {
  const auto text = closed(head + body);
  auto trace = replay::open(text_input("t", text), how).value();
  std::string out;
  for (const auto time : times)
    out += (out.empty() ? "" : ", ") + name_of(trace.at(only, nanoseconds{time}).value());
  return out;
}

} // namespace

TEST_CASE("the last record at or before the moment is in force") {
  CHECK(at("s 10 0 5\ns 10 0 6\nl 10 0\nu 10 0 gap\ns 10 0 7\n",
           {0, 9, 10, 19, 20, 29, 30, 39, 40, 49, 50}) ==
        "unknown, unknown, sample 5, sample 5, sample 6, sample 6, lost, lost, unknown, unknown, "
        "sample 7");
}

TEST_CASE("what was in force before a path went down is so again when it is restored") {
  CHECK(at("s 0 0 5\nd 10 0\nr 10 0\ns 10 0 6\n", {9, 10, 19, 20, 30}) ==
        "sample 5, down, down, sample 5, sample 6");
}

TEST_CASE("a record older than max_age is unknown, and restoring makes it young") {
  const auto head = with(one_link, "max_age_ns=none", "max_age_ns=15");
  CHECK(at("s 0 0 5\ns 40 0 6\n", {15, 16, 39, 40}, {}, head) ==
        "sample 5, unknown, unknown, sample 6");
  CHECK(at("s 0 0 5\nd 10 0\nr 20 0\ns 40 0 6\n", {45, 46}, {}, head) == "sample 5, unknown");
}

TEST_CASE("behind its length a trace stops, holds or begins again") {
  const std::string body = "s 0 0 5\nl 10 0\ns 10 0 7\n"; // length 30
  CHECK(at(body, {20, 29, 30, 99}) == "sample 7, sample 7, ended, ended");
  CHECK(at(body, {20, 30, 9'999}, {at_end::hold, {}}) == "sample 7, sample 7, sample 7");
  CHECK(at(body, {29, 30, 40, 50, 59, 60, 70}, {at_end::wrap, {}}) ==
        "sample 7, sample 5, lost, sample 7, sample 7, sample 5, lost");
  CHECK(at(body, {300'010, 300'025}, {at_end::wrap, {}}) == "lost, sample 7");
}

TEST_CASE("a wrapped trace says the same in every round") {
  text_sink to;
  auto how = defaults_of(model::starlink);
  how.duration = 30s;
  generate(how, to).value();
  const auto from = text_input("t", to.text);
  const auto length = check(from)->length();
  for (const auto round : {1, 2, 1'000}) {
    auto first = replay::open(from, {at_end::wrap, {}}).value();
    auto later = replay::open(from, {at_end::wrap, {}}).value();
    for (auto time = 0ns; time < length; time += 77ms)
      REQUIRE(name_of(first.at(only, time).value()) ==
              name_of(later.at(only, time + length * round).value()));
  }
}

TEST_CASE("a replay may start in the middle") {
  CHECK(at("s 0 0 5\ns 10 0 6\ns 10 0 7\n", {0, 4, 5, 15}, {{}, 15ns}) ==
        "sample 6, sample 6, sample 7, ended");
}

TEST_CASE("a reading says when and by which record it was taken") {
  const auto text = closed(one_link + "s 0 0 5\nm 5 hop\nl 5 0\n");
  auto trace = replay::open(text_input("t", text), {at_end::wrap, {}}).value();
  CHECK(trace.at(only, 11ns).value() == reading{reading::state::lost, 5ns, 10ns, 2});
  CHECK(trace.at(only, 16ns).value() == reading{reading::state::sample, 5ns, 15ns, 1});
  CHECK(trace.next_change() == 25ns);
}

TEST_CASE("time that goes back is a defect") {
  const auto text = closed(one_link + "s 0 0 5\n");
  auto trace = replay::open(text_input("t", text), {}).value();
  trace.at(only, 5ns).value();
  CHECK_THROWS_AS(trace.at(only, 4ns), std::logic_error);
}

TEST_CASE("a damaged trace is a problem when the replay gets there") {
  const auto text = one_link + "s 0 0 5\ns 10 0 x\n";
  auto trace = replay::open(text_input("t", text), {}).value();
  const auto found = trace.at(only, 0ns);
  REQUIRE(found.has_error());
  CHECK(found.error().line == 9);
}

TEST_CASE("the n-th probe takes the n-th sample of its link") {
  const auto text = closed(one_link + "s 0 0 5\nm 0 hop\nl 10 0\nd 10 0\nr 10 0\nu 10 0 gap\n");
  const auto probes = [&](at_end end) {
    auto trace = probe_replay::open(text_input("t", text), only, end).value();
    std::string out;
    for (int i = 0; i < 5; ++i)
      out += name_of(trace.next().value()) + ", ";
    return out;
  };
  CHECK(probes(at_end::stop) == "sample 5, lost, unknown, ended, ended, ");
  CHECK(probes(at_end::hold) == "sample 5, lost, unknown, unknown, unknown, ");
  CHECK(probes(at_end::wrap) == "sample 5, lost, unknown, sample 5, lost, ");
  CHECK(probe_replay::open(text_input("t", text), link_id{1}, {}).has_error());
}

TEST_CASE("a link without records is over at once, probe by probe, even if it wraps") {
  const auto text = closed(one_link + "m 0 hop\n");
  auto trace = probe_replay::open(text_input("t", text), only, at_end::wrap).value();
  CHECK(name_of(trace.next().value()) == "ended");
}

TEST_CASE("both ways of a round trip together are the recorded value") {
  for (const auto* split : {"half", "ratio:2/5", "seeded"}) {
    const auto text = closed(with(one_link, "split=half", "split=" + std::string{split}));
    const auto head = reader::open(text_input("t", text))->head();
    for (const auto value : {0ns, 1ns, 5ns, 144'000'001ns, 3'600'000'000'000ns}) {
      const reading now{reading::state::sample, value, 0ns, 1};
      const auto there = one_way(now, head, only, toward::b, 7);
      const auto back = one_way(now, head, only, toward::a, 7);
      CHECK(there.is == fate::outcome::arrives);
      CHECK(there.delay + back.delay == value);
      if (split == std::string{"ratio:2/5"}) CHECK(there.delay == value * 2 / 5);
    }
  }
}

TEST_CASE("a seeded split is the link's own, between a quarter and three quarters") {
  const auto text = closed(with(one_link, "split=half", "split=seeded"));
  const auto head = reader::open(text_input("t", text))->head();
  const auto share = [&](std::uint64_t seed, std::uint64_t record) {
    return one_way({reading::state::sample, 1'000'000ns, 0ns, record}, head, only, toward::b, seed)
        .delay;
  };
  CHECK(share(1, 1) == share(1, 99));
  CHECK(share(1, 1) != share(2, 1));
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CHECK(share(seed, 1) >= 250'000ns);
    CHECK(share(seed, 1) <= 750'000ns);
  }
}

TEST_CASE("a lost round trip is lost on exactly one of its ways, on either about as often") {
  const auto head = reader::open(text_input("t", closed(one_link)))->head();
  int there = 0;
  for (std::uint64_t record = 1; record <= 1'000; ++record) {
    const reading now{reading::state::lost, 10ns, 0ns, record};
    const auto to_b = one_way(now, head, only, toward::b, 7);
    const auto to_a = one_way(now, head, only, toward::a, 7);
    CHECK((to_b.is == fate::outcome::lost) != (to_a.is == fate::outcome::lost));
    const auto& other = to_b.is == fate::outcome::lost ? to_a : to_b;
    CHECK(other == fate{fate::outcome::arrives, 5ns, reading::state::lost});
    there += to_b.is == fate::outcome::lost;
  }
  CHECK(there > 400);
  CHECK(there < 600);
  // Without a sample before it nobody knows how long the other way takes.
  const reading first{reading::state::lost, {}, 0ns, 1};
  CHECK(one_way(first, head, only, toward::b, 7).is == fate::outcome::lost);
  CHECK(one_way(first, head, only, toward::a, 7).is == fate::outcome::lost);
}

TEST_CASE("what is not measured takes the link's default or has no way") {
  const auto head = reader::open(text_input("t", closed(one_link)))->head();
  const reading unknown{reading::state::unknown, {}, 0ns, 1};
  CHECK(one_way(unknown, head, only, toward::b, 7).is == fate::outcome::unreachable);
  const auto text = closed(with(one_link, "default=unreachable", "default=42"));
  const auto other = reader::open(text_input("t", text))->head();
  CHECK(one_way(unknown, other, only, toward::b, 7) ==
        fate{fate::outcome::arrives, 42ns, reading::state::unknown});
  CHECK(one_way({reading::state::down, {}, 0ns, 1}, other, only, toward::b, 7).is ==
        fate::outcome::unreachable);
  CHECK(one_way({reading::state::ended, {}, 0ns, 1}, other, only, toward::b, 7).is ==
        fate::outcome::ended);
}

TEST_CASE("a link of one direction says nothing of the other") {
  const auto text = closed(with(with(one_link, "dir=both", "dir=a>b"),
                                "quantity=rtt unit=ns split=half", "quantity=owd unit=ns"));
  const auto head = reader::open(text_input("t", text))->head();
  const reading now{reading::state::sample, 9ns, 0ns, 1};
  CHECK(one_way(now, head, only, toward::b, 7).delay == 9ns);
  CHECK(one_way(now, head, only, toward::a, 7).is == fate::outcome::unreachable);
}
