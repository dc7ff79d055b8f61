#include "actors/relay/stream_way.hpp"
#include "actors/relay/udp_watch.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace std::chrono_literals;

namespace {

const msg::time_point begin = msg::time_point{} + 1000h;
const net::endpoint loopback{net::ip_address::v4(0x7f000001), 40'001};

stream_way open_at(msg::time_point now) {
  stream_way way;
  way.opening(1);
  REQUIRE(way.opened(1, loopback, now));
  return way;
}

/// Asks by UDP when it is due, and answers after a round trip.
void answered(stream_way& way, msg::time_point now) {
  REQUIRE(way.ask_due(now));
  way.asked(now);
  way.udp_answered(now + 30ms);
}

} // namespace

TEST_CASE("UDP is doubted once after 250 ms of silence, and blocked after 750 ms") {
  udp_watch w;
  CHECK_FALSE(w.blocked(begin));
  CHECK_FALSE(w.deadline());
  w.asked(begin);
  w.asked(begin + 200ms); // the first request counts
  CHECK(w.deadline() == begin + 250ms);
  CHECK_FALSE(w.doubts(begin + 250ms - 1ns));
  CHECK(w.doubts(begin + 250ms));
  CHECK_FALSE(w.doubts(begin + 251ms));
  CHECK(w.deadline() == begin + 750ms);
  CHECK_FALSE(w.blocked(begin + 750ms - 1ns));
  CHECK(w.blocked(begin + 750ms));
  CHECK(w.blocked(begin + 1h));
  CHECK_FALSE(w.deadline());
}

TEST_CASE("any answer by UDP ends the silence, and the next one counts anew") {
  udp_watch w;
  w.asked(begin);
  CHECK(w.doubts(begin + 300ms));
  w.heard();
  CHECK_FALSE(w.blocked(begin + 2s));
  w.asked(begin + 2s);
  CHECK_FALSE(w.blocked(begin + 2s + 750ms - 1ns));
  CHECK(w.doubts(begin + 2s + 250ms));
  CHECK(w.blocked(begin + 2s + 750ms));
}

TEST_CASE("a stream's news count for the attempt in hand only") {
  stream_way way;
  CHECK(way.may_open());
  way.opening(2);
  CHECK_FALSE(way.may_open());
  CHECK_FALSE(way.opened(1, loopback, begin));
  CHECK_FALSE(way.failed(1, begin));
  CHECK(way.opened(2, loopback, begin));
  CHECK_FALSE(way.opened(2, loopback, begin));
  CHECK(way.at() == loopback);
}

TEST_CASE("a stream that cannot be had is tried again after 1 s, 2 s, and at most 60 s") {
  stream_way way;
  auto now = begin;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    way.opening(1);
    REQUIRE(way.failed(1, now));
    CHECK(way.deadline() == now + wait);
    way.tick(now + wait - 1ns);
    CHECK_FALSE(way.may_open());
    way.tick(now + wait);
    CHECK(way.may_open());
    CHECK(way.failing());
    now += wait;
  }
  way.opening(1);
  REQUIRE(way.opened(1, loopback, now));
  CHECK_FALSE(way.failing());
  REQUIRE(way.failed(0, now + 1s - 1ns)); // hardly stood
  CHECK(way.deadline() == now + 1s - 1ns + 60s);
  way.tick(now + 62s);
  way.opening(2);
  REQUIRE(way.opened(2, loopback, now + 62s));
  REQUIRE(way.failed(2, now + 63s)); // had stood: at once, and then as at first
  way.tick(now + 63s);
  CHECK(way.may_open());
  way.opening(3);
  REQUIRE(way.failed(3, now + 63s));
  CHECK(way.deadline() == now + 64s);
}

TEST_CASE("three answers by UDP in a row begin the way back") {
  auto way = open_at(begin);
  CHECK(way.deadline() == begin + 5s);
  CHECK_FALSE(way.ask_due(begin + 5s - 1ns));
  answered(way, begin + 5s);
  CHECK(way.deadline() == begin + 5s + 30ms + 250ms);
  answered(way, begin + 5s + 280ms);
  CHECK_FALSE(way.return_due());
  answered(way, begin + 5s + 560ms);
  CHECK(way.return_due());
  way.returning(begin + 6s);
  CHECK_FALSE(way.return_due());
  CHECK_FALSE(way.return_failed(begin + 6s + 400ms - 1ns));
  CHECK(way.return_failed(begin + 6s + 400ms));
  way.returned(begin + 6s + 60ms);
  CHECK_FALSE(way.return_failed(begin + 7s));
  CHECK_FALSE(way.close_due(begin + 11s + 60ms - 1ns));
  CHECK(way.close_due(begin + 11s + 60ms));
}

TEST_CASE("a hello by UDP without an answer begins the count anew; repeated answers are one") {
  auto way = open_at(begin);
  answered(way, begin + 5s);
  way.udp_answered(begin + 5s + 31ms);
  way.udp_answered(begin + 5s + 32ms);
  answered(way, begin + 6s);
  REQUIRE(way.ask_due(begin + 7s));
  way.asked(begin + 7s); // lost
  answered(way, begin + 12s);
  answered(way, begin + 13s);
  CHECK_FALSE(way.return_due());
  answered(way, begin + 14s);
  CHECK(way.return_due());
}

TEST_CASE("UDP that did not hold is asked ever more rarely") {
  auto way = open_at(begin);
  for (int i = 0; i < 3; ++i)
    answered(way, begin + 5s + i * 300ms);
  way.returning(begin + 6s);
  way.stay(begin + 6s + 400ms);
  CHECK(way.open());
  CHECK(way.deadline() == begin + 6s + 400ms + 10s);
  CHECK_FALSE(way.return_due());
  SECTION("also when a stream had to be opened anew soon after") {
    for (int i = 0; i < 3; ++i)
      answered(way, begin + 17s + i * 300ms);
    way.returning(begin + 18s);
    way.returned(begin + 18s);
    way.close();
    way.opening(2);
    REQUIRE(way.opened(2, loopback, begin + 30s));
    CHECK(way.deadline() > begin + 30s + 10s);
  }
  SECTION("until the network changes") {
    way.hurry(begin + 20s);
    CHECK(way.deadline() == begin + 20s);
    CHECK(way.ask_due(begin + 20s));
  }
}
