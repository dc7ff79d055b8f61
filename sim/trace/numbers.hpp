#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// Text to integers without floating point.
namespace lanrage::sim::trace {

enum class unit : std::uint8_t { s, ms, us, ns };

/// Digits behind the point that a unit has in nanoseconds.
constexpr int digits_of(unit of) {
  constexpr std::array<int, 4> digits{9, 6, 3, 0};
  return digits[static_cast<std::size_t>(of)];
}

std::optional<unit> parse_unit(std::string_view text);

/// "0.21" with 9 digits is 210,000,000: the decimal number times 10^digits, exact. What lies below
/// one is rounded half up (away from zero). A sign and an exponent are understood; nothing else is.
std::optional<std::int64_t> parse_decimal(std::string_view text, int digits);

/// 0 to 2^63-1 in the one way to write it: no sign, no leading zeros.
std::optional<std::int64_t> parse_count(std::string_view text);

/// "15.7s", "4m", "1.5h": a number and one of ns us ms s m h d. Never negative.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// Nanoseconds since 1970 of "2016-11-14 11:09:37", "2016-11-14T11:09:37.25Z" or, day first,
/// "09/10/2016 07:56": seconds may be absent, and it is UTC.
std::optional<std::int64_t> parse_datetime(std::string_view text);

} // namespace lanrage::sim::trace
