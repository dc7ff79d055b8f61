#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

/// The Port Control Protocol's MAP operation for UDP (RFC 6887): what a router is asked so that it
/// forwards a port. Pure.
namespace lanrage::net::pcp {

inline constexpr std::uint16_t server_port = 5351;
using nonce = std::array<std::uint8_t, 12>;

struct map_request {
  nonce id{}; ///< the same for renewing and removing
  ip_address client;
  std::uint16_t internal_port = 0;
  std::uint16_t suggested_port = 0;
  std::chrono::seconds lifetime{}; ///< 0 removes the mapping
};
/// 60 octets.
bytes encode(const map_request& request);

struct map_response {
  std::uint8_t result = 0; ///< 0: success (RFC 6887 7.4)
  std::chrono::seconds lifetime{};
  nonce id{};
  std::uint16_t internal_port = 0;
  endpoint outside; ///< of a success
};
/// Nothing for what is no MAP response for UDP, such as a NAT-PMP server's refusal of the version.
std::optional<map_response> decode(byte_view datagram);

} // namespace lanrage::net::pcp
