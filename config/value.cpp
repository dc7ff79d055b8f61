#include "config/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace lanrage::config {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::size_t shown_octets_max = 60;
constexpr milliseconds duration_max = 24h * 1'000;

struct unit {
  std::string_view name;
  milliseconds length;
};
constexpr std::array<unit, 4> units{{{"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};

std::string cut(std::string text) {
  if (text.size() <= shown_octets_max) return text;
  return text.substr(0, shown_octets_max) + "...";
}

/// Levenshtein's distance; the words are keys, so quadratic is nothing.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

struct describer {
  std::string operator()(const std::string& text) const {
    return "string " + cut(toml_string(text));
  }
  std::string operator()(std::int64_t number) const { return "integer " + std::to_string(number); }
  std::string operator()(bool flag) const { return flag ? "boolean true" : "boolean false"; }
  std::string operator()(const std::vector<std::string>& texts) const {
    std::string out;
    for (const auto& text : texts)
      out += (out.empty() ? "" : ", ") + toml_string(text);
    return "array [" + cut(out) + "]";
  }
  std::string operator()(const other_value& other) const { return other.kind; }
};

} // namespace

std::string describe(const value& found) {
  return std::visit(describer{}, found);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, length] : units) {
    if (rest != name) continue;
    if (number > duration_max / length) return std::nullopt;
    return number * length;
  }
  return std::nullopt;
}

std::string show_duration(milliseconds duration) {
  if (duration == 0ms) return "0s";
  for (const auto& [name, length] : units)
    if (duration % length == 0ms) return std::to_string(duration / length) + std::string{name};
  return {}; // not reached: every duration is a whole number of milliseconds
}

std::string toml_string(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet == 0x7f) {
      out += "\\u00";
      out += hex[octet >> 4];
      out += hex[octet & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::optional<std::string_view> nearest(std::string_view mistyped,
                                        const std::vector<std::string_view>& candidates) {
  std::optional<std::string_view> best;
  std::size_t best_edits = std::min<std::size_t>(2, mistyped.size() / 2) + 1;
  for (const auto candidate : candidates) {
    const auto distance = edits(mistyped, candidate);
    if (distance >= best_edits) continue;
    best_edits = distance;
    best = candidate;
  }
  return best;
}

} // namespace lanrage::config
