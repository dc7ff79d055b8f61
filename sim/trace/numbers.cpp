#include "sim/trace/numbers.hpp"

#include <algorithm>
#include <limits>

namespace lanrage::sim::trace {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// value * 10 + digit, unless that is too large.
bool append(std::uint64_t& value, int digit) {
  if (value > (most - static_cast<unsigned>(digit)) / 10) return false;
  value = value * 10 + static_cast<unsigned>(digit);
  return true;
}

/// The part of a number before its exponent.
struct mantissa {
  std::string_view text;  ///< digits with at most one point
  std::size_t digits = 0; ///< how many
  std::size_t before = 0; ///< how many of them before the point
};

std::optional<mantissa> read_mantissa(std::string_view text) {
  mantissa out;
  bool point = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_digit(text[at])) {
      ++out.digits;
      if (!point) ++out.before;
    } else if (text[at] == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (out.digits == 0) return {};
  out.text = text.substr(0, at);
  return out;
}

/// The digits before position `whole`, padded with zeros, rounded by the digit there.
std::optional<std::uint64_t> take_digits(const mantissa& from, std::int64_t whole) {
  std::uint64_t value = 0;
  std::int64_t at = 0;
  for (const char c : from.text) {
    if (c == '.') continue;
    if (at == whole) {
      if (c >= '5' && !(value++ < most)) return {};
      return value;
    }
    if (whole > at && !append(value, c - '0')) return {};
    ++at;
  }
  for (; at < whole && value > 0; ++at)
    if (!append(value, 0)) return {};
  return value;
}

std::optional<std::int64_t> read_exponent(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != 'e' && text[0] != 'E') return {};
  text.remove_prefix(1);
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || text.size() > 3 || !std::all_of(text.begin(), text.end(), is_digit))
    return {};
  std::int64_t value = 0;
  for (const char c : text)
    value = value * 10 + (c - '0');
  return negative ? -value : value;
}

/// Reads exactly `width` digits from the start of `text`.
bool take_number(std::string_view& text, std::size_t width, int& into) {
  if (text.size() < width || !std::all_of(text.begin(), text.begin() + width, is_digit))
    return false;
  into = 0;
  for (const char c : text.substr(0, width))
    into = into * 10 + (c - '0');
  text.remove_prefix(width);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text, int& year, int& month, int& day) {
  if (text.size() > 4 && text[4] == '-')
    return take_number(text, 4, year) && take(text, '-') && take_number(text, 2, month) &&
           take(text, '-') && take_number(text, 2, day);
  if (!take_number(text, 2, day) || text.empty()) return false;
  const char between = text[0];
  return (between == '/' || between == '.') && take(text, between) && take_number(text, 2, month) &&
         take(text, between) && take_number(text, 4, year);
}

} // namespace

std::optional<unit> parse_unit(std::string_view text) {
  if (text == "s") return unit::s;
  if (text == "ms") return unit::ms;
  if (text == "us") return unit::us;
  if (text == "ns") return unit::ns;
  return {};
}

std::optional<std::int64_t> parse_decimal(std::string_view text, int digits) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const auto number = read_mantissa(text);
  if (!number) return {};
  const auto exponent = read_exponent(text.substr(number->text.size()));
  if (!exponent) return {};
  const auto whole = static_cast<std::int64_t>(number->before) + *exponent + digits;
  const auto value = take_digits(*number, whole);
  if (!value) return {};
  const auto magnitude = static_cast<std::int64_t>(*value);
  return negative ? -magnitude : magnitude;
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return {};
  std::uint64_t value = 0;
  for (const char c : text)
    if (!is_digit(c) || !append(value, c - '0')) return {};
  return static_cast<std::int64_t>(value);
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  struct name {
    std::string_view suffix;
    int digits;
    std::int64_t times;
  };
  static constexpr std::array<name, 7> names{{{"ns", 0, 1},
                                              {"us", 3, 1},
                                              {"ms", 6, 1},
                                              {"s", 9, 1},
                                              {"m", 9, 60},
                                              {"h", 9, 3'600},
                                              {"d", 9, 86'400}}};
  const auto cut = text.find_first_not_of("0123456789.");
  if (cut == 0 || cut == std::string_view::npos) return {};
  for (const auto& each : names) {
    if (text.substr(cut) != each.suffix) continue;
    const auto value = parse_decimal(text.substr(0, cut), each.digits);
    if (!value || *value > static_cast<std::int64_t>(most) / each.times) return {};
    return std::chrono::nanoseconds{*value * each.times};
  }
  return {};
}

std::optional<std::int64_t> parse_datetime(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_date(text, year, month, day)) return {};
  if (!take(text, ' ') && !take(text, 'T')) return {};
  if (!take_number(text, 2, hour) || !take(text, ':') || !take_number(text, 2, minute)) return {};
  if (take(text, ':') && !take_number(text, 2, second)) return {};
  std::int64_t below = 0; // a second
  if (!text.empty() && text[0] == '.') {
    const auto end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    const auto fraction = end > 1 ? parse_decimal(text.substr(0, end), 9) : std::nullopt;
    if (!fraction) return {};
    below = *fraction;
    text.remove_prefix(end);
  }
  if (!text.empty() && text != "Z") return {};

  namespace chr = std::chrono;
  const chr::year_month_day date{chr::year{year}, chr::month{static_cast<unsigned>(month)},
                                 chr::day{static_cast<unsigned>(day)}};
  if (!date.ok() || year < 1970 || year > 2200 || hour > 23 || minute > 59 || second > 59)
    return {};
  const auto since = chr::sys_days{date}.time_since_epoch() + chr::hours{hour} +
                     chr::minutes{minute} + chr::seconds{second};
  return chr::nanoseconds{since}.count() + below;
}

} // namespace lanrage::sim::trace
