#pragma once

#include "net/bytes.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lanrage::net {

/// Base64 with padding (RFC 4648 section 4), as `wg` prints keys.
std::string to_base64(byte_view octets);
std::optional<bytes> from_base64(std::string_view text);

/// Fixed-size octets that only compare with their own kind: mixing up two keys does not compile.
/// Ordered as unsigned octets, lexicographically.
template <class Tag, std::size_t N>
struct opaque {
  static constexpr std::size_t size = N;
  std::array<std::uint8_t, N> octets{};

  byte_view view() const { return octets; }
  static std::optional<opaque> from(byte_view raw) {
    if (raw.size() != N) return std::nullopt;
    opaque out;
    std::memcpy(out.octets.data(), raw.data(), N);
    return out;
  }
  static std::optional<opaque> parse(std::string_view base64) {
    const auto raw = from_base64(base64);
    return raw ? from(*raw) : std::nullopt;
  }
  friend auto operator<=>(const opaque&, const opaque&) = default;
};

template <class Tag, std::size_t N>
std::string to_string(const opaque<Tag, N>& value) {
  return to_base64(value.view());
}

using wg_public_key = opaque<struct wg_public_key_tag, 32>;       ///< X25519, identifies a member
using relay_public_key = opaque<struct relay_public_key_tag, 32>; ///< X25519, identifies a relay
using login_public_key = opaque<struct login_public_key_tag, 32>; ///< X25519, of a control server
using sign_public_key = opaque<struct sign_public_key_tag, 32>;   ///< Ed25519, of a member
using token_public_key = opaque<struct token_public_key_tag, 32>; ///< Ed25519, signs relay tokens
using certificate_pin = opaque<struct certificate_pin_tag, 32>;   ///< SHA-256 of the server's SPKI
using signature = opaque<struct signature_tag, 64>;               ///< Ed25519
using mac16 = opaque<struct mac16_tag, 16>;                       ///< keyed BLAKE2s, 16 octets

/// Secret octets: no text form, no ordering, wiped when they die. Only net/crypto and the file that
/// stores them look inside.
template <class Tag, std::size_t N>
class secret {
 public:
  static constexpr std::size_t size = N;
  secret() = default;
  explicit secret(const std::array<std::uint8_t, N>& octets) : octets_(octets) {}
  secret(const secret&) = default;
  secret& operator=(const secret&) = default;
  ~secret() {
    volatile std::uint8_t* p = octets_.data();
    for (std::size_t i = 0; i < N; ++i)
      p[i] = 0;
  }
  static std::optional<secret> from(byte_view raw) {
    if (raw.size() != N) return std::nullopt;
    secret out;
    std::memcpy(out.octets_.data(), raw.data(), N);
    return out;
  }
  byte_view reveal() const { return octets_; }

 private:
  std::array<std::uint8_t, N> octets_{};
};

using wg_private_key = secret<struct wg_private_key_tag, 32>;       ///< X25519, clamped
using relay_private_key = secret<struct relay_private_key_tag, 32>; ///< X25519, clamped
using login_private_key = secret<struct login_private_key_tag, 32>; ///< X25519, clamped
using sign_private_key = secret<struct sign_private_key_tag, 32>;   ///< Ed25519 seed
using token_private_key = secret<struct token_private_key_tag, 32>; ///< Ed25519 seed
using party_secret = secret<struct party_secret_tag, 32>;           ///< random; shared by a party
using party_verifier =
    secret<struct party_verifier_tag, 32>;            ///< from party_secret; server keeps it
using shared_key = secret<struct shared_key_tag, 32>; ///< a derived symmetric key

} // namespace lanrage::net
