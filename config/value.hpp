#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What can stand in a settings file, apart from TOML and from what we make of it.
namespace lanrage::config {

/// A value of a kind that no setting of ours has: a float, a date, an inline table, ...
struct other_value {
  std::string kind; ///< with its article: "a table"
};

/// One value as it was found. An array of strings is the only array a setting may be.
using value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>, other_value>;

/// For messages: `integer 30`, `string "abc"`, `a table`; long texts are cut.
std::string describe(const value& found);

/// "250ms", "30s", "5m", "2h": a whole number and its unit, at most 1,000 days; nothing else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The same text back, in the largest unit that is exact.
std::string show_duration(std::chrono::milliseconds duration);

/// A basic TOML string with its quotes (TOML 1.0 "String").
std::string toml_string(std::string_view text);

/// The candidate that a typing mistake most likely meant: at most two edits away, and less than
/// half of the word.
std::optional<std::string_view> nearest(std::string_view mistyped,
                                        const std::vector<std::string_view>& candidates);

} // namespace lanrage::config
