#include "net/endpoint.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;

TEST_CASE("endpoints print as they are read") {
  for (const std::string text : {"203.0.113.42:51820", "[2001:db8::1]:51820", "0.0.0.0:0", "[::]:1",
                                 "[::1]:65535", "[fe80::1]:7"}) {
    CAPTURE(text);
    const auto read = endpoint::parse(text);
    REQUIRE(read);
    CHECK(to_string(*read) == text);
  }
}

TEST_CASE("text that is no endpoint is refused") {
  for (const std::string_view text : {"",
                                      ":",
                                      "1.2.3.4",
                                      "1.2.3.4:",
                                      ":51820",
                                      "1.2.3.4:65536",
                                      "1.2.3.4:99999999999",
                                      "1.2.3.4:-1",
                                      "1.2.3.4:+1",
                                      "1.2.3.4: 1",
                                      "1.2.3.4:01",
                                      "1.2.3.4:1 ",
                                      " 1.2.3.4:1",
                                      "1.2.3:1",
                                      "01.2.3.4:1",
                                      "256.2.3.4:1",
                                      "2001:db8::1:51820",
                                      "[2001:db8::1]",
                                      "[2001:db8::1]51820",
                                      "[1.2.3.4]:1",
                                      "[]:1",
                                      "[::1:1",
                                      "::1]:1",
                                      "[[::1]]:1",
                                      "[fe80::1%eth0]:1",
                                      "example.org:1",
                                      "1.2.3.4:0x10"}) {
    CAPTURE(text);
    CHECK_FALSE(endpoint::parse(text));
  }
  CHECK_FALSE(endpoint::parse(std::string_view{"1.2.3.4\0:1", 10}));
  CHECK_FALSE(endpoint::parse(std::string(10'000, '1') + ":1"));
}

TEST_CASE("an IPv4 address and its mapped form are one address") {
  const auto four = ip_address::parse("192.0.2.1");
  const auto mapped = ip_address::parse("::ffff:192.0.2.1");
  REQUIRE(four);
  REQUIRE(mapped);
  CHECK(*four == *mapped);
  CHECK(four->is_v4());
  CHECK(four->to_v4() == 0xc0000201);
  CHECK(to_string(*mapped) == "192.0.2.1");
  CHECK(ip_address::v4(0xc0000201) == *four);
}

TEST_CASE("addresses know their kind") {
  const auto at = [](std::string_view text) { return ip_address::parse(text).value(); };
  CHECK(at("0.0.0.0").is_unspecified());
  CHECK(at("::").is_unspecified());
  CHECK_FALSE(at("0.0.0.1").is_unspecified());
  CHECK(at("127.9.9.9").is_loopback());
  CHECK(at("::1").is_loopback());
  CHECK_FALSE(at("::2").is_loopback());
  CHECK_FALSE(at("128.0.0.1").is_loopback());
  for (const auto* text : {"10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255",
                           "192.168.9.9", "100.64.0.1", "100.127.255.255", "fc00::1", "fdff::1"})
    CHECK(at(text).is_private());
  for (const auto* text : {"9.255.255.255", "11.0.0.0", "172.15.0.1", "172.32.0.1", "192.167.1.1",
                           "100.63.0.1", "100.128.0.1", "203.0.113.1", "2001:db8::1", "fe00::1"})
    CHECK_FALSE(at(text).is_private());
  CHECK(at("169.254.3.4").is_link_local());
  CHECK(at("fe80::1").is_link_local());
  CHECK(at("febf::1").is_link_local());
  CHECK_FALSE(at("fec0::1").is_link_local());
  CHECK_FALSE(at("169.253.3.4").is_link_local());
  CHECK_FALSE(at("::1").is_v4());
}

TEST_CASE("an endpoint is valid with an address and a port") {
  CHECK(endpoint::parse("1.2.3.4:1")->valid());
  CHECK_FALSE(endpoint::parse("1.2.3.4:0")->valid());
  CHECK_FALSE(endpoint::parse("0.0.0.0:1")->valid());
  CHECK_FALSE(endpoint::parse("[::]:1")->valid());
  CHECK_FALSE(endpoint{}.valid());
}

TEST_CASE("an endpoint on the wire is 16 octets of address and 2 of port") {
  byte_writer out;
  write(out, *endpoint::parse("203.0.113.42:51820"));
  const bytes expected{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 42, 0xca, 0x6c};
  CHECK(out.view() == expected);
  byte_reader in{expected};
  CHECK(read_endpoint(in) == *endpoint::parse("203.0.113.42:51820"));
  CHECK(in.done());
}
