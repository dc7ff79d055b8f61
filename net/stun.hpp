#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"

#include <optional>

namespace lanrage::net::stun {

/// RFC 8489 section 5. Only the Binding method, without authentication: what a NAT needs.
inline constexpr std::uint32_t magic_cookie = 0x2112A442;
using transaction_id = std::array<std::uint8_t, 12>;

/// What a request asks of the server beyond an answer (RFC 5780 7.2, 7.5).
struct wishes {
  bool change_address = false;     ///< answer from the other address
  bool change_port = false;        ///< answer from the other port
  std::uint16_t response_port = 0; ///< answer to this port of the sender; 0: where it came from
  bool any() const { return change_address || change_port || response_port != 0; }
};
bytes binding_request(const transaction_id& id, const wishes& wanted = {});
/// XOR-MAPPED-ADDRESS (RFC 8489 14.2) with the address the request came from, and of a server with
/// a second address RESPONSE-ORIGIN and OTHER-ADDRESS (RFC 5780 7.3, 7.4).
struct server_addresses {
  endpoint origin; ///< where the answer leaves from
  endpoint other;  ///< differs from what the request was sent to in address and port
};
bytes binding_success(const transaction_id& id, const endpoint& mapped,
                      const std::optional<server_addresses>& server = {});

struct request {
  transaction_id id;
  wishes wanted{};
};
struct response {
  transaction_id id;
  endpoint mapped;                 ///< from XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS
  std::optional<endpoint> other{}; ///< OTHER-ADDRESS: the server can do RFC 5780's tests
};
/// Strict: length, cookie, type and attribute bounds; unknown comprehension-required attributes
/// (RFC 8489 6.3) and a FINGERPRINT that is wrong refuse the message.
std::optional<request> parse_request(byte_view datagram);
std::optional<response> parse_response(byte_view datagram);

} // namespace lanrage::net::stun
