#pragma once

#include "net/bytes.hpp"

#include <stdexcept>
#include <string>
#include <string_view>

/// Octets written as hexadecimal text, for test vectors. Spaces are ignored.
namespace lanrage::net::test {

inline bytes hex(std::string_view text) {
  const auto nibble = [](char c) -> std::uint8_t {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    throw std::invalid_argument("not hexadecimal");
  };
  bytes out;
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits.push_back(c);
  if (digits.size() % 2 != 0) throw std::invalid_argument("odd number of digits");
  for (std::size_t i = 0; i < digits.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>((nibble(digits[i]) << 4) | nibble(digits[i + 1])));
  return out;
}

inline std::string to_hex(byte_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto octet : octets) {
    out.push_back(digits[octet >> 4]);
    out.push_back(digits[octet & 15]);
  }
  return out;
}

template <class Opaque>
Opaque opaque_of(std::string_view text) {
  return Opaque::from(hex(text)).value();
}

/// 00 01 02 ... as fixed octets.
template <std::size_t N>
std::array<std::uint8_t, N> counting(std::uint8_t first = 0) {
  std::array<std::uint8_t, N> out{};
  for (auto& octet : out)
    octet = first++;
  return out;
}

// The two members of docs/wire.md's test vectors.
inline constexpr std::string_view alice_private =
    "c0c76dac633d9b054847618d2138105ffb8219b98237896f75224733b1a8e950";
inline constexpr std::string_view alice_public =
    "9ac1872e999994ae523d6165950ba3c1f1318fe374371945d86ab631a802f978";
inline constexpr std::string_view bob_private =
    "1845c648df8059bd81e3be63909d0e85cff30a0dc81e6a3b17d4e8aacd3c3d40";
inline constexpr std::string_view bob_public =
    "9641f1972755445f48eae55da3f020189558df7015621f86e89961297ff26440";

} // namespace lanrage::net::test
