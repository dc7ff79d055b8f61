#include "lab/laboratory.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

/// One request every 10 ms from 0 on; '.' answered, 'x' lost.
std::vector<ping_record> sent(const std::string& pattern) {
  std::vector<ping_record> records;
  for (char c : pattern) {
    ping_record r;
    r.sent = ping_time{} + 10ms * int(records.size());
    if (c == '.') r.rtt = 5ms;
    records.push_back(r);
  }
  return records;
}

} // namespace

TEST_CASE("lost requests count from the first instant on and before the second") {
  auto r = sent("x.xx.x");
  CHECK(lost_between(r, ping_time{}, ping_time{} + 50ms) == 3);
  CHECK(lost_between(r, ping_time{} + 20ms, ping_time{} + 51ms) == 3);
  CHECK(lost_between(r, ping_time{} + 21ms, ping_time{} + 30ms) == 0);
}

TEST_CASE("the outage lasts from the event to the first answer that no loss follows") {
  CHECK(outage_after(sent("......"), ping_time{} + 15ms) == 0ns);
  CHECK(outage_after(sent("..xx.."), ping_time{} + 15ms) == 25ms);
  CHECK(outage_after(sent("..x.x."), ping_time{} + 15ms) == 35ms);
  CHECK(outage_after(sent("xx...."), ping_time{} + 25ms) == 0ns);
}

TEST_CASE("an outage that never ended has no length") {
  CHECK(outage_after(sent("..xxxx"), ping_time{} + 15ms) == std::nullopt);
  CHECK(outage_after(sent("..x..x"), ping_time{} + 15ms) == std::nullopt);
  CHECK(outage_after(sent("......"), ping_time{} + 1s) == std::nullopt);
}

TEST_CASE("pings count exactly what a cut line loses") {
  if (skipped(unavailable_reason())) return;
  topology t;
  t.publics = {{"a"}, {"b"}};
  t.one_way_delay = 2ms;
  laboratory lab{t};
  ping_stream pings{lab.at("a").net_ns(), lab.at("b").address(), 5ms};
  auto start = std::chrono::steady_clock::now();
  REQUIRE(pings.wait_answer(start, start + 2s));
  auto cut = std::chrono::steady_clock::now();
  lab.block("b", true);
  std::this_thread::sleep_for(400ms);
  auto back = std::chrono::steady_clock::now();
  lab.block("b", false);
  REQUIRE(pings.wait_answer(back + 50ms, back + 2s));
  auto records = pings.finish();
  CHECK(lost_between(records, ping_time::min(), cut - 10ms) == 0);
  CHECK(lost_between(records, cut + 10ms, back - 10ms) ==
        std::size_t(std::count_if(records.begin(), records.end(), [&](const auto& r) {
          return r.sent >= cut + 10ms && r.sent < back - 10ms;
        })));
  CHECK(lost_between(records, back + 10ms, ping_time::max()) == 0);
  auto outage = outage_after(records, cut);
  REQUIRE(outage);
  CHECK(*outage >= 395ms);
  CHECK(*outage < 450ms);
}

TEST_CASE("requests to nowhere are unanswered, not errors") {
  if (skipped(unavailable_reason())) return;
  topology t;
  t.publics = {{"a"}};
  laboratory lab{t};
  ping_stream pings{lab.at("a").net_ns(), "198.51.100.1", 10ms}; // no route
  std::this_thread::sleep_for(100ms);
  auto records = pings.finish(50ms);
  CHECK(records.size() >= 5);
  CHECK(lost_between(records, ping_time::min(), ping_time::max()) == records.size());
}
