#pragma once

#include "net/bytes.hpp"

#include <cstddef>
#include <cstdint>

/// Integers at fixed places of a buffer that is long enough; network order.
namespace lanrage::sim {

template <class Integer>
void put_at(net::bytes& out, std::size_t offset, Integer value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out[offset + i] = static_cast<std::uint8_t>(value >> (8 * (sizeof value - 1 - i)));
}

template <class Integer>
Integer get_at(net::byte_view in, std::size_t offset) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value = static_cast<Integer>(value << 8 | in[offset + i]);
  return value;
}

} // namespace lanrage::sim
