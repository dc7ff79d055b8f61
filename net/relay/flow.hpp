#pragma once

#include "net/endpoint.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

/// How the routing core names a member's stream (docs/wire.md, "Relay streams"): by an address out
/// of 0100::/8, which the IETF reserves and nobody is reached at. Behind the first octet stand 56
/// bits for the source, so that streams of one source share what a source may do, and the flow's
/// number, which is given out once: a member can never be mistaken for another one.
namespace lanrage::net::relay {

/// `arrival::via` of what came by a stream, and only of that.
inline constexpr std::uint32_t via_stream = 0xffffffff;
inline constexpr std::uint16_t flow_port = 1;
inline constexpr std::uint8_t flow_prefix = 0x01;

inline endpoint flow_endpoint(std::uint64_t number, std::uint64_t source) {
  std::array<std::uint8_t, 16> octets{flow_prefix};
  for (std::size_t i = 0; i < 7; ++i)
    octets[7 - i] = static_cast<std::uint8_t>(source >> (8 * i));
  for (std::size_t i = 0; i < 8; ++i)
    octets[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return {ip_address::v6(octets), flow_port};
}

inline bool is_flow(const endpoint& where) {
  return where.address.octets()[0] == flow_prefix;
}

/// Of an endpoint that is a flow's.
inline std::uint64_t flow_number(const endpoint& flow) {
  std::uint64_t out = 0;
  for (std::size_t i = 8; i < 16; ++i)
    out = out << 8 | flow.address.octets()[i];
  return out;
}

} // namespace lanrage::net::relay
