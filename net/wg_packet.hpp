#pragma once

#include "net/bytes.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <cstdint>
#include <optional>

/// WireGuard's packets as a relay sees them: headers and mac1, never the contents
/// (WireGuard paper, section 5.4).
namespace lanrage::net::wg {

enum class packet_kind : std::uint8_t {
  initiation = 1, ///< 148 octets
  response = 2,   ///< 92 octets
  cookie = 3,     ///< 64 octets
  data = 4,       ///< 32 octets and more
};

struct packet_header {
  packet_kind kind{};
  std::optional<session_index> sender;   ///< initiation, response
  std::optional<session_index> receiver; ///< response, cookie, data
};
/// Checks type, reserved zeros and length; nothing else can be checked from outside.
std::optional<packet_header> parse_header(byte_view datagram);

/// BLAKE2s-256("mac1----" || public key).
std::array<std::uint8_t, 32> mac1_key(const wg_public_key& responder);
/// Whether an initiation's mac1 was made for the owner of `key`.
bool mac1_matches(byte_view initiation, const std::array<std::uint8_t, 32>& key);

} // namespace lanrage::net::wg
