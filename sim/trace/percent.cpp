#include "sim/trace/percent.hpp"

#include "sim/trace/lines.hpp"

#include <algorithm>

namespace lanrage::sim::trace {
namespace {

constexpr std::string_view hex = "0123456789ABCDEF";

bool stands_for_itself(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"-._~:/+@,()"}.find(c) != std::string_view::npos;
}

} // namespace

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (stands_for_itself(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += hex[octet >> 4];
    out += hex[octet & 15];
  }
  return out;
}

std::optional<std::string> percent_decoded(std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (stands_for_itself(word[i])) {
      out += word[i];
      continue;
    }
    if (word[i] != '%' || i + 2 >= word.size()) return {};
    const auto high = hex.find(word[i + 1]);
    const auto low = hex.find(word[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return {};
    const auto octet = static_cast<char>(high * 16 + low);
    if (stands_for_itself(octet)) return {};
    out += octet;
    i += 2;
  }
  if (!is_printable(out)) return {};
  return out;
}

bool is_printable(std::string_view text) {
  return is_text(text) && std::none_of(text.begin(), text.end(),
                                       [](char c) { return (c >= 0 && c < ' ') || c == 127; });
}

} // namespace lanrage::sim::trace
