#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lanrage::config {

/// A key such as a.b.c makes a table within a table for each part, and the parser bounds nested
/// values but not these: a long enough key would overflow the stack. Nothing of ours has more than
/// three parts.
inline constexpr std::size_t dotted_parts_max = 16;

/// Where something stands in a text, both from 1; columns count octets.
struct text_place {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// The first place of a TOML text where a key has more parts than that.
std::optional<text_place> overlong_key(std::string_view toml);

} // namespace lanrage::config
