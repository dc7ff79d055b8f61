#include "net/frames.hpp"
#include "net/stun.hpp"
#include "net/wg_packet.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::test;

namespace {
/// Alice's handshake initiation to Bob, captured on loopback from wireguard-go 0.0.20220316.
const auto initiation =
    hex("0100000080956b662b3c15d122340506d7a13478f53319003b257a58a2031c72eb561f922e20d603e0f9d4ee"
        "c2d4d51f9eaa518b38ce148158132a35b339f0adda02acbc656623d4095972b6cfc0f148edd910e6f1bcd934"
        "2b8b8ee9c6d20794c4641e63b9208c3fc3b38561d54fad027533208031225a16191f294dfed97d71c08cd7a8"
        "00000000000000000000000000000000");

bytes packet(std::uint8_t type, std::size_t size) {
  bytes out(size, 0xee);
  out[0] = type;
  out[1] = out[2] = out[3] = 0;
  return out;
}
} // namespace

TEST_CASE("mac1 of a captured initiation matches its responder and nobody else") {
  const auto bob = wg::mac1_key(opaque_of<wg_public_key>(bob_public));
  const auto alice = wg::mac1_key(opaque_of<wg_public_key>(alice_public));
  CHECK(wg::mac1_matches(initiation, bob));
  CHECK_FALSE(wg::mac1_matches(initiation, alice));
}

TEST_CASE("any bit mac1 covers breaks it") {
  const auto bob = wg::mac1_key(opaque_of<wg_public_key>(bob_public));
  for (std::size_t bit = 0; bit < (148 - 16) * 8; ++bit) {
    auto altered = initiation;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    CHECK_FALSE(wg::mac1_matches(altered, bob));
  }
  auto with_cookie = initiation; // mac2 is not covered
  with_cookie.back() ^= 1;
  CHECK(wg::mac1_matches(with_cookie, bob));
  for (std::size_t size = 0; size < initiation.size(); ++size)
    CHECK_FALSE(wg::mac1_matches(byte_view{initiation}.first(size), bob));
}

TEST_CASE("a captured initiation shows its sender index and no receiver") {
  const auto header = wg::parse_header(initiation);
  REQUIRE(header);
  CHECK(header->kind == wg::packet_kind::initiation);
  CHECK(to_hex(header->sender->view()) == "80956b66");
  CHECK_FALSE(header->receiver);
  CHECK(classify(initiation) == datagram_class::wireguard);
}

TEST_CASE("each kind shows the indices it carries") {
  const auto response = wg::parse_header(packet(2, 92));
  REQUIRE(response);
  CHECK(response->sender);
  CHECK(response->receiver);
  const auto cookie = wg::parse_header(packet(3, 64));
  REQUIRE(cookie);
  CHECK_FALSE(cookie->sender);
  CHECK(cookie->receiver);
  const auto data = wg::parse_header(packet(4, 32));
  REQUIRE(data);
  CHECK_FALSE(data->sender);
  CHECK(to_hex(data->receiver->view()) == "eeeeeeee");
  CHECK(wg::parse_header(packet(4, 33)));
  CHECK(wg::parse_header(packet(4, 1500)));
}

TEST_CASE("a wrong length, type or reserved octet is no WireGuard packet") {
  const std::pair<std::uint8_t, std::size_t> exact[] = {{1, 148}, {2, 92}, {3, 64}};
  for (const auto& [type, size] : exact) {
    CHECK(wg::parse_header(packet(type, size)));
    CHECK_FALSE(wg::parse_header(packet(type, size - 1)));
    CHECK_FALSE(wg::parse_header(packet(type, size + 1)));
  }
  for (std::size_t size = 4; size < 32; ++size)
    CHECK_FALSE(wg::parse_header(packet(4, size)));
  for (const int type : {0, 5, 255})
    CHECK_FALSE(wg::parse_header(packet(static_cast<std::uint8_t>(type), 148)));
  for (const std::size_t reserved : {1, 2, 3}) {
    auto bad = packet(4, 32);
    bad[reserved] = 1;
    CHECK_FALSE(wg::parse_header(bad));
  }
  CHECK_FALSE(wg::parse_header({}));
  CHECK_FALSE(wg::parse_header(bytes{4}));
}

TEST_CASE("an initiation whose sender index is STUN's cookie is still WireGuard") {
  auto unlucky = initiation;
  byte_writer cookie;
  cookie.u32(stun::magic_cookie);
  std::copy(cookie.view().begin(), cookie.view().end(), unlucky.begin() + 4);
  CHECK(classify(unlucky) == datagram_class::wireguard);
  CHECK_FALSE(stun::parse_request(unlucky));
  CHECK_FALSE(stun::parse_response(unlucky));
}
