#pragma once

#include "net/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lanrage::net::control {

/// Base64url without padding (RFC 4648 section 5): the form of octets in URLs and HTTP headers.
std::string to_base64url(byte_view octets);
/// Strict: no padding, no other alphabet, no stray bits at the end.
std::optional<bytes> from_base64url(std::string_view text);

/// The same for fixed-size octets: `parse_base64url<certificate_pin>(text)`.
template <class Octets>
std::optional<Octets> parse_base64url(std::string_view text) {
  const auto raw = from_base64url(text);
  return raw ? Octets::from(*raw) : std::nullopt;
}

} // namespace lanrage::net::control
