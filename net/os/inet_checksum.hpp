#pragma once

#include "net/bytes.hpp"

#include <initializer_list>

namespace lanrage::net::os {

/// The Internet checksum (RFC 1071) of the concatenation. Every part but the last must have an
/// even number of octets. Zero when the parts contain their own right checksum.
inline std::uint16_t inet_checksum(std::initializer_list<byte_view> parts) {
  std::uint32_t sum = 0; // enough for 128 KiB of octets; ours end at 64 KiB
  for (const auto part : parts) {
    for (std::size_t i = 0; i + 1 < part.size(); i += 2)
      sum += static_cast<std::uint32_t>((part[i] << 8) | part[i + 1]);
    if (part.size() % 2 != 0) sum += static_cast<std::uint32_t>(part.back() << 8);
  }
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

} // namespace lanrage::net::os
