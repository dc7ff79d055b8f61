#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lanrage::sim::trace {

/// FNV-1a with 64 bits over octets in order. It finds accidents; it is no signature.
inline constexpr std::uint64_t fnv_start = 0xCBF29CE484222325;

inline std::uint64_t fnv(std::uint64_t state, std::string_view octets) {
  for (const char c : octets)
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return state;
}

/// 16 hexadecimal digits in small letters.
inline std::string hash_text(std::uint64_t state) {
  std::string out(16, '0');
  for (auto at = out.rbegin(); at != out.rend(); ++at, state >>= 4)
    *at = "0123456789abcdef"[state & 15];
  return out;
}

} // namespace lanrage::sim::trace
