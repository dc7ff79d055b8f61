#include "net/control/base64url.hpp"

#include <array>

namespace lanrage::net::control {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xFF;

constexpr auto digits = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    out[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return out;
}();

} // namespace

std::string to_base64url(byte_view octets) {
  std::string out;
  out.reserve((octets.size() * 4 + 2) / 3);
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const auto octet : octets) {
    pending = (pending << 8) | octet;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out.push_back(alphabet[(pending >> bits) & 63]);
    }
  }
  if (bits > 0) out.push_back(alphabet[(pending << (6 - bits)) & 63]);
  return out;
}

std::optional<bytes> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  bytes out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const auto letter : text) {
    const auto digit = digits[static_cast<std::uint8_t>(letter)];
    if (digit == no_digit) return std::nullopt;
    pending = (pending << 6) | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(pending >> bits));
    }
  }
  // Two texts for the same octets would be two invites that compare unequal.
  if ((pending & ((1U << bits) - 1)) != 0) return std::nullopt;
  return out;
}

} // namespace lanrage::net::control
