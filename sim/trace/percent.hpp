#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lanrage::sim::trace {

/// Text as one word of ASCII: letters, digits and -._~:/+@,() stand for themselves, every other
/// octet is %XX in capitals (RFC 3986 section 2.1).
std::string percent_encoded(std::string_view text);

/// Nothing unless this is exactly what percent_encoded() makes of some text that is UTF-8 without
/// control characters.
std::optional<std::string> percent_decoded(std::string_view word);

/// Whether text may be a label or a value: UTF-8 without control characters.
bool is_printable(std::string_view text);

} // namespace lanrage::sim::trace
