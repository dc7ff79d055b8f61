#include "net/wg_packet.hpp"

#include "net/crypto.hpp"

namespace lanrage::net::wg {

namespace {
constexpr std::size_t initiation_octets = 148;
constexpr std::size_t response_octets = 92;
constexpr std::size_t cookie_octets = 64;
constexpr std::size_t data_octets_min = 32; // header and the tag of an empty packet
constexpr std::size_t mac1_offset = initiation_octets - 32;
} // namespace

std::optional<packet_header> parse_header(byte_view datagram) {
  byte_reader in{datagram};
  const auto kind = in.u8();
  const auto reserved = (in.u8() << 16) | in.u16();
  if (!in.ok() || reserved != 0) return std::nullopt;
  packet_header out;
  switch (kind) {
  case static_cast<std::uint8_t>(packet_kind::initiation):
    if (datagram.size() != initiation_octets) return std::nullopt;
    out.sender = session_index{in.array<4>()};
    break;
  case static_cast<std::uint8_t>(packet_kind::response):
    if (datagram.size() != response_octets) return std::nullopt;
    out.sender = session_index{in.array<4>()};
    out.receiver = session_index{in.array<4>()};
    break;
  case static_cast<std::uint8_t>(packet_kind::cookie):
    if (datagram.size() != cookie_octets) return std::nullopt;
    out.receiver = session_index{in.array<4>()};
    break;
  case static_cast<std::uint8_t>(packet_kind::data):
    if (datagram.size() < data_octets_min) return std::nullopt;
    out.receiver = session_index{in.array<4>()};
    break;
  default:
    return std::nullopt;
  }
  out.kind = static_cast<packet_kind>(kind);
  return out;
}

std::array<std::uint8_t, 32> mac1_key(const wg_public_key& responder) {
  return blake2s({as_bytes("mac1----"), responder.view()});
}

bool mac1_matches(byte_view initiation, const std::array<std::uint8_t, 32>& key) {
  if (initiation.size() != initiation_octets) return false;
  const auto expected = blake2s_mac(key, {initiation.first(mac1_offset)});
  return equal_in_constant_time(expected.view(), initiation.subspan(mac1_offset, mac16::size));
}

} // namespace lanrage::net::wg
