#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

/// What a fuzz target says: a property that does not hold ends the run, and the input is kept.
inline void require(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of_input(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
