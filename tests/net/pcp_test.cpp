#include "net/pcp.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::test;
using namespace std::chrono_literals;

namespace {

const auto client = *ip_address::parse("192.168.1.5");
const pcp::nonce id = counting<12>(0x30);

/// RFC 6887 11.1 and 7.2, as a router grants port 40000 on 203.0.113.7 for an hour.
const auto grant = hex("02810000 00000e10 00000001 000000000000000000000000"
                       "303132333435363738393a3b 11000000 ca6c 9c40"
                       "00000000000000000000ffffcb007107");

} // namespace

TEST_CASE("a mapping is asked for as RFC 6887 says") {
  CHECK(to_hex(pcp::encode({id, client, 51820, 51820, 3600s})) ==
        "0201000000000e10"
        "00000000000000000000ffffc0a80105"
        "303132333435363738393a3b"
        "11000000ca6cca6c"
        "00000000000000000000ffff00000000");
}

TEST_CASE("a grant is read") {
  const auto said = pcp::decode(grant);
  REQUIRE(said);
  CHECK(said->result == 0);
  CHECK(said->lifetime == 3600s);
  CHECK(said->id == id);
  CHECK(said->internal_port == 51820);
  CHECK(to_string(said->outside) == "203.0.113.7:40000");
}

TEST_CASE("a refusal is read as one, whatever else is in it") {
  auto refused = grant;
  refused[3] = 2; // NOT_AUTHORIZED
  for (std::size_t i = 42; i < 60; ++i)
    refused[i] = 0;
  REQUIRE(pcp::decode(refused));
  CHECK(pcp::decode(refused)->result == 2);
}

TEST_CASE("what is no answer about a UDP port is refused") {
  for (std::size_t size = 0; size < grant.size(); ++size)
    CHECK_FALSE(pcp::decode(byte_view{grant}.first(size)));
  for (const auto& [octet, value] : {std::pair{0, 0}, {1, 1}, {1, 0x82}, {36, 6}}) {
    auto other = grant;
    other[static_cast<std::size_t>(octet)] = static_cast<std::uint8_t>(value);
    CHECK_FALSE(pcp::decode(other));
  }
  auto nowhere = grant;
  nowhere[42] = nowhere[43] = 0; // success without a port
  CHECK_FALSE(pcp::decode(nowhere));
  CHECK_FALSE(pcp::decode(hex("0000000100000000"))); // NAT-PMP: version not supported
}
