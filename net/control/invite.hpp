#pragma once

#include "net/errc.hpp"
#include "net/keys.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lanrage::net::control {

/// Where a control server is and how to know it (docs/wire-control.md "Server line"). No secret.
struct server_line {
  std::string host; ///< DNS name or IP address; IPv6 without brackets
  std::uint16_t port = 0;
  certificate_pin pin;  ///< SHA-256 of the certificate's SubjectPublicKeyInfo
  login_public_key key; ///< the server's X25519 login key
  friend bool operator==(const server_line&, const server_line&) = default;
};

/// A server line with a party's secret: whoever has it can join. Never logged.
struct invite {
  server_line server;
  std::string party; ///< a valid party name
  party_secret secret;
};

/// 1 to 32 of letters, digits, space, '-', '_', '.', not starting or ending with a space.
bool valid_party_name(std::string_view name);

/// One line of text each; bad_invite names what is wrong. Spaces around the line are ignored.
result<server_line> parse_server_line(std::string_view text);
result<invite> parse_invite(std::string_view text);
std::string to_string(const server_line& line);
/// "host:port", an IPv6 address in brackets.
std::string host_and_port(const server_line& line);
/// The secret is in it: for the one who invites, never for a log.
std::string reveal(const invite& line);

} // namespace lanrage::net::control
