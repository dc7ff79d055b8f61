#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"

#include <optional>

namespace lanrage::net::stun {

/// RFC 8489 section 5. Only the Binding method, without authentication: what a NAT needs.
inline constexpr std::uint32_t magic_cookie = 0x2112A442;
using transaction_id = std::array<std::uint8_t, 12>;

bytes binding_request(const transaction_id& id);
/// XOR-MAPPED-ADDRESS (RFC 8489 14.2) with the address the request came from, nothing else.
bytes binding_success(const transaction_id& id, const endpoint& mapped);

struct request {
  transaction_id id;
};
struct response {
  transaction_id id;
  endpoint mapped; ///< from XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS
};
/// Strict: length, cookie, type and attribute bounds; unknown comprehension-required attributes
/// (RFC 8489 6.3) refuse the message.
std::optional<request> parse_request(byte_view datagram);
std::optional<response> parse_response(byte_view datagram);

} // namespace lanrage::net::stun
