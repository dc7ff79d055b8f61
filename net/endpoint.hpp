#pragma once

#include "net/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lanrage::net {

/// An IPv4 or IPv6 address as 16 octets; IPv4 is kept in its mapped form (RFC 4291 2.5.5.2), so
/// both families compare and serialise alike.
class ip_address {
 public:
  ip_address() = default; ///< ::, "no address"
  static ip_address v4(std::uint32_t host_order);
  static ip_address v6(const std::array<std::uint8_t, 16>& octets);
  /// Accepts what inet_pton accepts; nothing else.
  static std::optional<ip_address> parse(std::string_view text);

  bool is_v4() const;
  bool is_unspecified() const; ///< 0.0.0.0 or ::
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_private() const;     ///< RFC 1918, RFC 6598 (carriers), RFC 4193 (IPv6)
  std::uint32_t to_v4() const; ///< host order; only for is_v4()
  const std::array<std::uint8_t, 16>& octets() const { return octets_; }

  friend auto operator<=>(const ip_address&, const ip_address&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
};

/// A UDP address: where datagrams go to or come from.
struct endpoint {
  ip_address address;
  std::uint16_t port = 0;

  /// "203.0.113.42:51820" or "[2001:db8::1]:51820", as `wg` prints and reads them.
  static std::optional<endpoint> parse(std::string_view text);
  bool valid() const { return port != 0 && !address.is_unspecified(); }

  friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

std::string to_string(const ip_address& address);
std::string to_string(const endpoint& where);

/// 16 octets of address and 2 of port: the form of all our frames (docs/wire.md).
inline constexpr std::size_t endpoint_octets = 18;
void write(byte_writer& out, const endpoint& where);
endpoint read_endpoint(byte_reader& in);

} // namespace lanrage::net
