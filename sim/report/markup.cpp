#include "sim/report/markup.hpp"

#include <algorithm>
#include <array>

namespace lanrage::sim::report {
namespace {

__extension__ using wide = __int128;

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000 * us;
constexpr std::int64_t s = 1'000 * ms;
constexpr std::int64_t min = 60 * s;
constexpr std::int64_t h = 60 * min;

/// Octets of the UTF-8 sequence that begins here; 0 when it is none (RFC 3629, table 3-7 of the
/// Unicode standard).
std::size_t sequence(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  const auto second = at(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

/// value / unit with so many digits behind the point, rounded half up.
std::string fixed(std::int64_t value, std::int64_t unit, int digits) {
  std::int64_t scale = 1;
  for (int i = 0; i < digits; ++i)
    scale *= 10;
  const auto rounded = (value * scale + unit / 2) / unit;
  auto out = std::to_string(rounded / scale);
  if (digits == 0) return out;
  auto below = std::to_string(rounded % scale);
  below.insert(0, static_cast<std::size_t>(digits) - below.size(), '0');
  return out + '.' + below;
}

/// As many digits as give three in all; whole numbers have no point.
std::string three(std::int64_t value, std::int64_t unit) {
  if (value % unit == 0) return std::to_string(value / unit);
  return fixed(value, unit, value >= 100 * unit ? 0 : value >= 10 * unit ? 1 : 2);
}

std::string two_digits(std::int64_t value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

} // namespace

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto length = sequence(text);
    const char c = text.front();
    if (length == 0 || (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f)
      out += "\xef\xbf\xbd";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

std::string time_text(duration time) {
  const auto t = time.count();
  if (t < 0) return "\u2212" + time_text(-time);
  if (t == 0) return "0 ms";
  if (t < us) return std::to_string(t) + " ns";
  if (t < ms) return three(t, us) + " us";
  if (t < s) return three(t, ms) + " ms";
  if (t < 2 * min) return three(t, s) + " s";
  if (t < 2 * h)
    return std::to_string(t / min) + " min" +
           (t % min >= s ? ' ' + two_digits(t % min / s) + " s" : "");
  return std::to_string(t / h) + " h" +
         (t % h >= min ? ' ' + two_digits(t % h / min) + " min" : "");
}

std::string percent_text(std::int64_t ppm) {
  constexpr std::int64_t one = 10'000;
  auto out = fixed(ppm, one, ppm >= 10 * one ? 1 : 2);
  while (out.back() == '0')
    out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out + " %";
}

std::string count_text(std::uint64_t count) {
  auto out = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3)
    out.insert(static_cast<std::size_t>(at), ",");
  return out;
}

std::int64_t ppm_of(std::int64_t part, std::int64_t whole) {
  return whole <= 0 ? 0 : scaled(part, whole, 1'000'000);
}

std::string px(std::int64_t tenths) {
  const bool below = tenths < 0;
  const auto size = below ? -tenths : tenths;
  std::string out = (below ? "-" : "") + std::to_string(size / 10);
  if (size % 10 != 0) out += '.' + std::to_string(size % 10);
  return out;
}

std::int64_t scaled(std::int64_t value, std::int64_t whole, std::int64_t tenths) {
  // Runs are up to 30 days of nanoseconds, 52 bits: the product needs more than 64.
  return static_cast<std::int64_t>(static_cast<wide>(value) * tenths / whole);
}

std::vector<duration> axis_marks(duration most, int wanted) {
  static constexpr std::array<std::int64_t, 10> sixties{1, 2, 5, 10, 15, 30, 60, 120, 180, 360};
  std::int64_t step = 0;
  const auto enough = [&](std::int64_t each) { return most.count() / each <= wanted; };
  for (std::int64_t decade = 1; step == 0 && decade < s; decade *= 10)
    for (const auto each : {1, 2, 5})
      if (step == 0 && enough(decade * each)) step = decade * each;
  for (const auto unit : {s, min})
    for (const auto each : sixties)
      if (step == 0 && enough(unit * each)) step = unit * each;
  for (std::int64_t hours = 12; step == 0; hours *= 2)
    if (enough(hours * h)) step = hours * h;
  std::vector<duration> out;
  for (std::int64_t at = 0; at <= most.count(); at += step)
    out.emplace_back(at);
  return out;
}

std::string element(std::string_view name, const std::string& attributes,
                    const std::string& title) {
  std::string out = "<" + std::string{name} + ' ' + attributes;
  if (title.empty()) return out + "/>\n";
  return out + "><title>" + escaped(title) + "</title></" + std::string{name} + ">\n";
}

std::string label(std::int64_t x, std::int64_t y, const std::string& text,
                  const std::string& attributes) {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + '"' +
         (attributes.empty() ? "" : ' ' + attributes) + '>' + escaped(text) + "</text>\n";
}

std::string rectangle(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
                      const std::string& attributes, const std::string& title) {
  return element("rect",
                 "x=\"" + px(x) + "\" y=\"" + px(y) + "\" width=\"" + px(width) + "\" height=\"" +
                     px(height) + "\" " + attributes,
                 title);
}

std::string line(std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2,
                 const std::string& attributes) {
  return element("line", "x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) + "\" y2=\"" +
                             px(y2) + "\" " + attributes);
}

} // namespace lanrage::sim::report
