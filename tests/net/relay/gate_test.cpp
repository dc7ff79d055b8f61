#include "net/relay/gate.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace std::chrono_literals;

TEST_CASE("an IPv6 subscriber is one source, two IPv4 hosts are two") {
  source_gates g{7, 10, 0ns};
  const steady_time now = steady_time{} + 1h;
  CHECK(g.admit(*ip_address::parse("2001:db8::1"), now));
  CHECK_FALSE(g.admit(*ip_address::parse("2001:db8::ffff:2"), now));
  CHECK(g.admit(*ip_address::parse("2001:db8:0:1::1"), now));
  CHECK(g.admit(*ip_address::parse("192.0.2.1"), now));
  CHECK(g.admit(*ip_address::parse("192.0.2.2"), now));
  CHECK_FALSE(g.admit(*ip_address::parse("192.0.2.1"), now + 99ms));
  CHECK(g.admit(*ip_address::parse("192.0.2.1"), now + 100ms));
}

TEST_CASE("the seed decides where a source falls") {
  const endpoint where{*ip_address::parse("192.0.2.1"), 51820};
  std::set<std::size_t> places;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    places.insert(seeded_hash{seed}(where) % 1024);
  CHECK(places.size() > 80);
}

TEST_CASE("neighbouring addresses and ports spread over a table") {
  const seeded_hash hash{1};
  std::set<std::size_t> places;
  for (std::uint32_t host = 0; host < 32; ++host)
    for (std::uint16_t port = 1; port <= 32; ++port)
      places.insert(hash(endpoint{ip_address::v4(0xc0000200 + host), port}) % 65536);
  CHECK(places.size() > 980); // 1024 balls into 65536 places: 8 pairs expected
}
