#include "net/os/wg_link.hpp"
#include "tests/net/os/wg_sandbox.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>

#include <iostream>

using namespace lanrage::net;
using namespace lanrage::test;
using namespace std::chrono_literals;

TEST_CASE("an interface name is a name the kernel takes and no path") {
  CHECK(os::valid_interface_name("lanrage0"));
  CHECK(os::valid_interface_name("fifteen-octets_"));
  for (const auto* name : {"", "sixteen-octets__", ".", "..", "a/b", "a b", "a\n", "\xc3\xa4"})
    CHECK_FALSE(os::valid_interface_name(name));
}

TEST_CASE("a taken UDP port is seen, a free one is waited for until the deadline") {
  LANRAGE_IN_SANDBOX([] {
    require(!os::udp_port_taken(40123), "free before");
    require(!os::await_udp_port(40123, 20ms), "the wait ends");
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(40123);
    require(::bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0, "bind");
    require(os::udp_port_taken(40123), "taken after");
    require(os::await_udp_port(40123, 0ms), "no wait for what is there");
  });
}

TEST_CASE("properties of a link that is not there are an error, not a crash") {
  const auto up = os::bring_up("no-such-link", 1380);
  REQUIRE(up.has_error());
  CHECK(up.error().code == errc::wg_unavailable);
  CHECK(os::virtual_ips("no-such-link").empty());
  CHECK_FALSE(os::link_exists("no-such-link"));
}
