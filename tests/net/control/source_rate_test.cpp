#include "net/control/source_rate.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::control;
using namespace std::chrono_literals;

namespace {
const auto start = source_rate::time_point{} + 1h;
ip_address ip(const char* text) {
  return *ip_address::parse(text);
}
} // namespace

TEST_CASE("a source may connect a burst at once and then at its rate") {
  source_rate rate{2, 3};
  for (int i = 0; i < 3; ++i)
    CHECK(rate.allow(ip("192.0.2.1"), start));
  CHECK(!rate.allow(ip("192.0.2.1"), start));
  CHECK(rate.allow(ip("192.0.2.2"), start));
  CHECK(rate.allow(ip("192.0.2.1"), start + 500ms));
  CHECK(!rate.allow(ip("192.0.2.1"), start + 500ms));
}

TEST_CASE("IPv6 sources count per /64") {
  source_rate rate{1, 1};
  CHECK(rate.allow(ip("2001:db8::1"), start));
  CHECK(!rate.allow(ip("2001:db8::2"), start));
  CHECK(rate.allow(ip("2001:db8:0:1::1"), start));
}

TEST_CASE("the table of sources is bounded; the one unseen for longest makes room") {
  source_rate rate{1, 1, 2};
  CHECK(rate.allow(ip("192.0.2.1"), start));
  CHECK(rate.allow(ip("192.0.2.2"), start + 1ms));
  CHECK(!rate.allow(ip("192.0.2.1"), start + 2ms)); // seen again: now the younger one
  CHECK(rate.allow(ip("192.0.2.3"), start + 3ms));  // pushes out .2
  CHECK(!rate.allow(ip("192.0.2.1"), start + 4ms));
  CHECK(rate.allow(ip("192.0.2.2"), start + 5ms)); // forgotten, so a burst again
}
