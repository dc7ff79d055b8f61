#include "net/relay/flow.hpp"
#include "net/relay/server_flows.hpp"

#include <catch2/catch.hpp>

#include <poll.h>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace std::chrono_literals;

namespace {

const steady_time begin = steady_time{} + 1000h;
const auto home = ip_address::v4(0xc0000201);

flow_limits small() {
  flow_limits out;
  out.streams = 4;
  out.per_source = 2;
  out.arrivals = 6;
  out.arrivals_per_stream = 4;
  out.queue_octets = 100;
  out.queue_datagrams = 3;
  out.queue_age = 100ms;
  out.unused_after = 30s;
  return out;
}

counters count(const flow_exchange& of) {
  counters out;
  of.add_to(out);
  return out;
}

bool readable(const flow_exchange& of) {
  pollfd waiting{of.event(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 1;
}

} // namespace

TEST_CASE("streams are bounded per source and in all; an IPv6 /64 is one source") {
  flow_exchange all{small(), 1};
  const auto six = [](const char* text) { return *ip_address::parse(text); };
  CHECK(all.open(
      six("2001:db8::1"), [] {}, begin));
  const auto second = all.open(
      six("2001:db8::2"), [] {}, begin);
  CHECK(second);
  CHECK_FALSE(all.open(
      six("2001:db8::3"), [] {}, begin));
  CHECK(all.open(
      six("2001:db8:0:1::1"), [] {}, begin));
  CHECK(all.open(
      home, [] {}, begin));
  CHECK_FALSE(all.open(
      ip_address::v4(0xc0000202), [] {}, begin));
  all.close(*second);
  all.close(*second);
  CHECK(all.open(
      six("2001:db8::3"), [] {}, begin));
  CHECK(count(all).streams_full == 2);
  CHECK(count(all).streams == 4);
  CHECK(count(all).streams_opened == 5);
}

TEST_CASE("numbers are given out once, and streams of one source have one prefix") {
  flow_exchange all{small(), 1};
  const auto a = *all.open(
      home, [] {}, begin);
  const auto b = *all.open(
      home, [] {}, begin);
  all.put(a, bytes{1});
  all.put(b, bytes{2});
  const auto arrived = all.drain();
  REQUIRE(arrived.datagrams.size() == 2);
  const auto& one = arrived.datagrams[0].first.address.octets();
  const auto& two = arrived.datagrams[1].first.address.octets();
  CHECK(std::equal(one.begin(), one.begin() + 8, two.begin()));
  CHECK(one != two);
  all.close(a);
  CHECK(*all.open(
            home, [] {}, begin) > b);
}

TEST_CASE("what streams bring is bounded per stream and in all; the relay is woken once") {
  flow_exchange all{small(), 1};
  const auto a = *all.open(
      home, [] {}, begin);
  const auto b = *all.open(
      home, [] {}, begin);
  CHECK_FALSE(readable(all));
  for (std::uint8_t i = 0; i < 6; ++i)
    all.put(a, bytes{i});
  for (std::uint8_t i = 0; i < 6; ++i)
    all.put(b, bytes{i});
  CHECK(readable(all));
  const auto arrived = all.drain();
  CHECK_FALSE(readable(all));
  CHECK(arrived.datagrams.size() == 6); // four of the first, two of the other
  CHECK(count(all).streamed_in == 12);
  CHECK(count(all).streamed_in_lost == 6);
  all.put(a, bytes{9});
  CHECK(all.drain().datagrams.size() == 1);
}

TEST_CASE("a slow reader gets the newest; nobody waits for it") {
  flow_exchange all{small(), 1};
  int woken = 0;
  const auto slow = *all.open(
      home, [&] { ++woken; }, begin);
  all.put(slow, bytes{0});
  const auto name = all.drain().datagrams.front().first;
  for (std::uint8_t i = 0; i < 5; ++i)
    all.send(name, bytes{i}, begin);
  CHECK(woken == 1);
  auto out = all.take(slow, begin);
  REQUIRE(out.datagrams.size() == 3);
  CHECK(out.datagrams.front() == bytes{2});
  CHECK_FALSE(out.ended);
  CHECK(count(all).streamed_out == 5);
  CHECK(count(all).streamed_out_lost == 2);
  all.send(name, bytes(60), begin);
  all.send(name, bytes(41), begin); // 101 octets: one too many
  CHECK(woken == 2);
  out = all.take(slow, begin);
  REQUIRE(out.datagrams.size() == 1);
  CHECK(out.datagrams.front().size() == 41);
  all.send(name, bytes(100), begin);
  CHECK(all.take(slow, begin).datagrams.size() == 1);
}

TEST_CASE("what a slow reader did not take in 100 ms is dropped, however little it is") {
  flow_exchange all{small(), 1};
  const auto slow = *all.open(
      home, [] {}, begin);
  all.put(slow, bytes{0});
  const auto name = all.drain().datagrams.front().first;
  all.send(name, bytes{1}, begin);
  all.send(name, bytes{2}, begin + 60ms);
  auto out = all.take(slow, begin + 101ms);
  REQUIRE(out.datagrams.size() == 1);
  CHECK(out.datagrams.front() == bytes{2});
  CHECK(count(all).streamed_out_lost == 1);
  all.send(name, bytes{3}, begin + 200ms);
  CHECK(all.take(slow, begin + 300ms).datagrams.size() == 1);
}

TEST_CASE("a reader takes a few at a time, in their order, and none twice") {
  auto limits = small();
  limits.queue_datagrams = 40;
  flow_exchange all{limits, 1};
  const auto reader = *all.open(
      home, [] {}, begin);
  all.put(reader, bytes{0});
  const auto name = all.drain().datagrams.front().first;
  for (std::uint8_t i = 0; i < 40; ++i)
    all.send(name, bytes{i}, begin);
  std::uint8_t next = 0;
  for (int i = 0; i < 4; ++i)
    for (const auto& each : all.take(reader, begin).datagrams)
      CHECK(each == bytes{next++});
  CHECK(next == 40);
  CHECK(count(all).streamed_out_lost == 0);
}

TEST_CASE("a stream that nobody is registered over ends after exactly 30 s, a used one never") {
  flow_exchange all{small(), 1};
  int woken = 0;
  const auto unused = *all.open(
      home, [&] { ++woken; }, begin);
  const auto used = *all.open(
      home, [] {}, begin);
  const auto is_used = [&](const endpoint& flow) { return flow_number(flow) == used; };
  all.sweep(is_used, begin + 30s - 1ns);
  CHECK(woken == 0);
  all.sweep(is_used, begin + 30s);
  CHECK(woken == 1);
  CHECK(all.take(unused, begin).ended);
  CHECK_FALSE(all.take(used, begin).ended);
  all.sweep([](const endpoint&) { return false; }, begin + 60s - 1ns);
  CHECK_FALSE(all.take(used, begin).ended);
  all.sweep([](const endpoint&) { return false; }, begin + 60s);
  CHECK(all.take(used, begin).ended);
  CHECK(count(all).streams_unused == 2);
}

TEST_CASE("a closed stream is told to the relay, and what is sent to it is nobody's") {
  flow_exchange all{small(), 1};
  const auto a = *all.open(
      home, [] {}, begin);
  all.put(a, bytes{1});
  const auto name = all.drain().datagrams.front().first;
  all.close(a);
  CHECK(readable(all));
  CHECK(all.drain().closed == std::vector{name});
  all.send(name, bytes{1}, begin);
  all.put(a, bytes{1});
  CHECK(all.take(a, begin).ended);
  CHECK(all.drain().datagrams.empty());
  CHECK(count(all).streams == 0);
}
