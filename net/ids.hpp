#pragma once

#include "net/endpoint.hpp"
#include "net/keys.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lanrage::net {

/// A member's name, unique within its party: 1 to 32 of a-z 0-9 '-', not starting or ending with
/// '-' (a DNS label, RFC 1123). What users type; programs identify a member by its WireGuard key.
class peer_id {
 public:
  peer_id() = default; ///< empty: "nobody"
  static std::optional<peer_id> parse(std::string_view text);
  const std::string& str() const { return name_; }
  bool empty() const { return name_.empty(); }
  friend auto operator<=>(const peer_id&, const peer_id&) = default;

 private:
  std::string name_;
};
inline const std::string& to_string(const peer_id& id) {
  return id.str();
}

/// A party, named by its secret: HKDF(secret, "lanrage party id v1"), 16 octets (docs/wire.md).
using party_id = opaque<struct party_id_tag, 16>;

/// First 8 octets of BLAKE2s-256("lanrage member v1" || WireGuard public key).
using member_hash = opaque<struct member_hash_tag, 8>;

/// First 8 octets of BLAKE2s-256("lanrage relay v1" || relay public key).
using relay_id = opaque<struct relay_id_tag, 8>;

/// WireGuard's session index as it stands in a packet (little endian there; opaque to us).
using session_index = opaque<struct session_index_tag, 4>;

/// An address inside 10.66.0.0/16 that belongs to one member.
class virtual_ip {
 public:
  virtual_ip() = default; ///< 0.0.0.0: "not leased yet"
  /// The spec's rule on a fixed hash: FNV-1a (64 bit) over the peer id, and for attempt n > 0 over
  /// "<peer id>#<n>"; octet3 = bits 8..15, octet4 = bits 0..7, octet4 <= 1 becomes 2. Skips
  /// nothing by itself: the lease takes the first attempt that is free and not reserved.
  static virtual_ip derive(const peer_id& id, std::uint32_t attempt);
  static std::optional<virtual_ip> parse(std::string_view text); ///< only 10.66.x.y
  bool leased() const { return value_ != 0; }
  bool reserved() const; ///< 10.66.255.255, 10.66.x.0 and 10.66.x.1 are nobody's
  ip_address address() const { return ip_address::v4(value_); }
  std::uint32_t host_order() const { return value_; }
  friend auto operator<=>(const virtual_ip&, const virtual_ip&) = default;

 private:
  std::uint32_t value_ = 0;
};
std::string to_string(const virtual_ip& address);

} // namespace lanrage::net
