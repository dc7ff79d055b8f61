#include "net/ids.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;

TEST_CASE("a peer name is a lower-case DNS label of at most 32 octets") {
  for (const std::string& text : {std::string{"a"}, std::string{"0"}, std::string{"peer-456"},
                                  std::string(32, 'x'), std::string{"a--b"}}) {
    CAPTURE(text);
    REQUIRE(peer_id::parse(text));
    CHECK(peer_id::parse(text)->str() == text);
  }
  for (const std::string& text :
       {std::string{}, std::string{"-a"}, std::string{"a-"}, std::string{"A"}, std::string{"a_b"},
        std::string{"a.b"}, std::string{"a b"}, std::string{"-"}, std::string{"\xc3\xa4"},
        std::string{"a\0b", 3}, std::string(33, 'x')}) {
    CAPTURE(text);
    CHECK_FALSE(peer_id::parse(text));
  }
  CHECK(peer_id{}.empty());
}

TEST_CASE("a virtual address is the documented hash of the name") {
  const auto address = [](std::string_view name, std::uint32_t attempt) {
    return to_string(virtual_ip::derive(peer_id::parse(name).value(), attempt));
  };
  CHECK(address("alice", 0) == "10.66.57.7");
  CHECK(address("bob", 0) == "10.66.10.84");
  CHECK(address("peer456", 0) == "10.66.80.32");
  CHECK(address("alice", 1) == "10.66.249.71"); // of "alice#1"
}

TEST_CASE("a last octet of 0 or 1 becomes 2") {
  CHECK(to_string(virtual_ip::derive(peer_id::parse("p111").value(), 0)) == "10.66.126.2");
}

TEST_CASE("only addresses of 10.66.0.0/16 are virtual addresses") {
  CHECK(to_string(virtual_ip::parse("10.66.0.42").value()) == "10.66.0.42");
  CHECK(virtual_ip::parse("10.66.0.42")->host_order() == 0x0a42002a);
  for (const std::string_view text : {"10.65.0.42", "10.67.0.42", "11.66.0.42", "", "10.66.0",
                                      "::ffff:10.66.0.42", "10.66.0.256", "10.66.0.42/32"}) {
    CAPTURE(text);
    CHECK_FALSE(virtual_ip::parse(text));
  }
}

TEST_CASE("broadcast, network and gateway addresses are nobody's") {
  CHECK(virtual_ip::parse("10.66.255.255")->reserved());
  CHECK(virtual_ip::parse("10.66.7.0")->reserved());
  CHECK(virtual_ip::parse("10.66.7.1")->reserved());
  CHECK_FALSE(virtual_ip::parse("10.66.7.2")->reserved());
  CHECK_FALSE(virtual_ip::parse("10.66.7.255")->reserved());
  CHECK_FALSE(virtual_ip{}.leased());
  CHECK(virtual_ip::parse("10.66.7.2")->leased());
}
