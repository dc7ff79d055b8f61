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
    all.send(name, bytes{i});
  CHECK(woken == 1);
  auto out = all.take(slow);
  REQUIRE(out.datagrams.size() == 3);
  CHECK(out.datagrams.front() == bytes{2});
  CHECK_FALSE(out.ended);
  CHECK(count(all).streamed_out == 5);
  CHECK(count(all).streamed_out_lost == 2);
  all.send(name, bytes(60));
  all.send(name, bytes(41)); // 101 octets: one too many
  CHECK(woken == 2);
  out = all.take(slow);
  REQUIRE(out.datagrams.size() == 1);
  CHECK(out.datagrams.front().size() == 41);
  all.send(name, bytes(100));
  CHECK(all.take(slow).datagrams.size() == 1);
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
  CHECK(all.take(unused).ended);
  CHECK_FALSE(all.take(used).ended);
  all.sweep([](const endpoint&) { return false; }, begin + 60s - 1ns);
  CHECK_FALSE(all.take(used).ended);
  all.sweep([](const endpoint&) { return false; }, begin + 60s);
  CHECK(all.take(used).ended);
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
  all.send(name, bytes{1});
  all.put(a, bytes{1});
  CHECK(all.take(a).ended);
  CHECK(all.drain().datagrams.empty());
  CHECK(count(all).streams == 0);
}
