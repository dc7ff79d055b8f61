#include "net/frames.hpp"
#include "net/stun.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::test;

namespace {
// RFC 5769 sections 2.1 to 2.4.
const auto sample_request =
    hex("00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 "
        "00240004 6e0001ff 80290008 932ff9b151263b36 00060009 6576746a3a68367659202020 "
        "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf");
const auto sample_response_v4 =
    hex("0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 "
        "00200008 0001a147e112a643 00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 "
        "80280004 c07d4c96");
const auto sample_response_v6 =
    hex("01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 "
        "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9 "
        "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c");
const auto sample_request_long =
    hex("00010060 2112a442 78ad3433c6ad72c029da412e 00060012 e3839ee38388e383aae38383e382af"
        "e382b9 0000 0015001c 662f2f3439396b39353464364f4c33346f4c394653547679363473 41 "
        "0014000b 6578616d706c652e6f7267 00 00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666");
const auto sample_id = counting<12>(0x30);

/// A success response with these attributes, its length right.
bytes response_with(const bytes& attributes) {
  byte_writer out;
  out.u16(0x0101).u16(static_cast<std::uint16_t>(attributes.size())).u32(stun::magic_cookie);
  return out.raw(sample_id).raw(attributes).take();
}
/// The same message without its last attribute, a FINGERPRINT.
bytes without_fingerprint(bytes whole) {
  whole.resize(whole.size() - 8);
  whole[3] = static_cast<std::uint8_t>(whole[3] - 8);
  return whole;
}
} // namespace

TEST_CASE("a binding request is 20 octets: type, length, cookie, transaction") {
  const auto request = stun::binding_request(sample_id);
  CHECK(to_hex(request) == "000100002112a442303132333435363738393a3b");
  CHECK(stun::parse_request(request)->id == sample_id);
  CHECK_FALSE(stun::parse_response(request));
  CHECK(classify(request) == datagram_class::stun);
}

TEST_CASE("responses of RFC 5769 are read; integrity needs a password and is skipped") {
  const auto four = stun::parse_response(sample_response_v4);
  REQUIRE(four);
  CHECK(to_string(four->mapped) == "192.0.2.1:32853");
  CHECK(to_hex(four->id) == "b7e7a701bc34d686fa87dfae");
  const auto six = stun::parse_response(sample_response_v6);
  REQUIRE(six);
  CHECK(to_string(six->mapped) == "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

TEST_CASE("a request with an attribute that must be understood and is not is refused") {
  // RFC 5769's request carries ICE's PRIORITY (0x0024): not ours to ignore (RFC 8489 6.3.1).
  CHECK_FALSE(stun::parse_request(sample_request));
  CHECK(classify(sample_request) == datagram_class::stun);
  auto optional = without_fingerprint(sample_request);
  CHECK_FALSE(stun::parse_request(optional));
  optional[20 + 4 + 16] = 0x80; // PRIORITY made comprehension-optional
  CHECK(stun::parse_request(optional));

  // The one with long-term authentication: REALM and NONCE.
  auto authenticated = sample_request_long;
  CHECK_FALSE(stun::parse_request(authenticated));
  CHECK(classify(authenticated) == datagram_class::stun);
  authenticated[20 + 4 + 20] = 0x80;
  CHECK_FALSE(stun::parse_request(authenticated));
  authenticated[20 + 4 + 20 + 4 + 28] = 0x80;
  CHECK(stun::parse_request(authenticated));
}

TEST_CASE("a FINGERPRINT that is there is right, the last one, and over every bit") {
  for (const auto& whole : {sample_response_v4, sample_response_v6}) {
    REQUIRE(stun::parse_response(whole));
    CHECK(stun::parse_response(without_fingerprint(whole)));
    for (std::size_t octet = 0; octet < whole.size(); ++octet) {
      if (octet / 2 == (whole.size() - 8) / 2) continue; // its type: another one is no fingerprint
      for (int bit = 0; bit < 8; ++bit) {
        auto altered = whole;
        altered[octet] ^= static_cast<std::uint8_t>(1 << bit);
        CAPTURE(octet, bit);
        CHECK_FALSE(stun::parse_response(altered));
      }
    }
    auto twice = whole;
    twice.insert(twice.end(), whole.end() - 8, whole.end());
    twice[3] = static_cast<std::uint8_t>(twice[3] + 8);
    CHECK_FALSE(stun::parse_response(twice));
  }
}

TEST_CASE("a success response tells the address it was made with, in both families") {
  for (const auto text : {"203.0.113.42:51820", "[2001:db8::1]:51820", "255.255.255.255:65535"}) {
    const auto mapped = endpoint::parse(text).value();
    const auto encoded = stun::binding_success(sample_id, mapped);
    CHECK(encoded.size() == (mapped.address.is_v4() ? 32 : 44));
    const auto read = stun::parse_response(encoded);
    REQUIRE(read);
    CHECK(read->id == sample_id);
    CHECK(read->mapped == mapped);
  }
}

TEST_CASE("MAPPED-ADDRESS serves when there is no xored one, and only then") {
  const auto plain = hex("00010008 0001 04d2 c0000202");
  CHECK(to_string(stun::parse_response(response_with(plain))->mapped) == "192.0.2.2:1234");
  const auto xored = hex("00200008 0001 25c0 e112a640"); // 192.0.2.2:1234 xored
  auto both = plain;
  both[11] = 0x09;
  both.insert(both.end(), xored.begin(), xored.end());
  CHECK(to_string(stun::parse_response(response_with(both))->mapped) == "192.0.2.2:1234");
}

TEST_CASE("responses without a usable address are refused") {
  CHECK_FALSE(stun::parse_response(response_with({})));
  CHECK_FALSE(stun::parse_response(response_with(hex("00010008 0001 0000 c0000202")))); // port 0
  CHECK_FALSE(stun::parse_response(response_with(hex("00010008 0001 04d2 00000000")))); // 0.0.0.0
  CHECK_FALSE(stun::parse_response(response_with(hex("00010008 0003 04d2 c0000202")))); // family
  CHECK_FALSE(stun::parse_response(response_with(hex("00010004 0001 04d2"))));          // short
  CHECK_FALSE(stun::parse_response(response_with(hex("00010008 0002 04d2 c0000202")))); // v6 in 4
  CHECK_FALSE(stun::parse_response(response_with(hex("00010009 0001 04d2 c0000202")))); // too long
  CHECK_FALSE(stun::parse_response(response_with(hex("0001ffff 0001 04d2 c0000202"))));
}

TEST_CASE("an address behind the integrity attribute does not count") {
  const auto late = hex("00080014 0000000000000000000000000000000000000000 "
                        "00010008 0001 04d2 c0000202");
  CHECK_FALSE(stun::parse_response(response_with(late)));
}

TEST_CASE("STUN that is cut off anywhere, or goes on behind its end, is refused") {
  for (const auto& whole : {sample_response_v4, sample_response_v6,
                            stun::binding_success(sample_id, *endpoint::parse("1.2.3.4:5"))}) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK_FALSE(stun::parse_response(byte_view{whole}.first(size)));
    auto longer = whole;
    longer.insert(longer.end(), 4, 0);
    CHECK_FALSE(stun::parse_response(longer));
  }
}

TEST_CASE("a flipped bit in STUN's header or attribute lengths refuses the message") {
  const auto whole = stun::binding_success(sample_id, *endpoint::parse("1.2.3.4:5"));
  for (const std::size_t octet : {0, 1, 2, 3, 4, 5, 6, 7, 22, 23, 25})
    for (int bit = 0; bit < 8; ++bit) {
      auto altered = whole;
      altered[octet] ^= static_cast<std::uint8_t>(1 << bit);
      CAPTURE(octet, bit);
      CHECK_FALSE(stun::parse_response(altered));
    }
}

TEST_CASE("a request says where the answer shall come from and go to") {
  stun::wishes wanted;
  CHECK(stun::parse_request(stun::binding_request(sample_id))->wanted.any() == false);
  wanted.change_port = true;
  const auto port = stun::binding_request(sample_id, wanted);
  CHECK(to_hex(port) == "000100082112a442303132333435363738393a3b" // RFC 5780 7.2
                        "0003000400000002");
  wanted.change_address = true;
  wanted.response_port = 0x1234;
  const auto all = stun::binding_request(sample_id, wanted);
  CHECK(to_hex(all) == "000100102112a442303132333435363738393a3b"
                       "00030004000000060027000412340000");
  const auto read = stun::parse_request(all);
  REQUIRE(read);
  CHECK(read->id == sample_id);
  CHECK(read->wanted.change_address);
  CHECK(read->wanted.change_port);
  CHECK(read->wanted.response_port == 0x1234);
  for (std::size_t size = 0; size < all.size(); ++size)
    CHECK_FALSE(stun::parse_request(byte_view{all}.first(size)));
}

TEST_CASE("a response tells the server's other address, when it has one") {
  const auto mapped = *endpoint::parse("203.0.113.42:51820");
  const stun::server_addresses here{*endpoint::parse("198.51.100.1:3478"),
                                    *endpoint::parse("198.51.100.2:3479")};
  const auto encoded = stun::binding_success(sample_id, mapped, here);
  CHECK(encoded.size() == 56);
  const auto read = stun::parse_response(encoded);
  REQUIRE(read);
  CHECK(read->mapped == mapped);
  CHECK(read->other == here.other);
  CHECK_FALSE(stun::parse_response(stun::binding_success(sample_id, mapped))->other);
  // One that cannot be read is none, and does not spoil the rest.
  const auto odd = hex("00200008 0001 25c0 e112a640 802c0004 0009 0000");
  CHECK_FALSE(stun::parse_response(response_with(odd))->other);
}
