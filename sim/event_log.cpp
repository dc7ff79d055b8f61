#include "sim/event_log.hpp"

#include <algorithm>

namespace lanrage::sim {

namespace {

constexpr std::uint64_t fnv_prime = 0x100000001b3;
constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::size_t fraction_digits = 9;

void append_seconds(std::string& out, time_point at) {
  const auto now = ticks(at);
  out += std::to_string(now / ns_per_s);
  out += '.';
  const auto fraction = std::to_string(now % ns_per_s);
  out.append(fraction_digits - fraction.size(), '0');
  out += fraction;
}

} // namespace

void event_log::write(time_point at, std::string_view text) {
  line_.clear();
  append_seconds(line_, at);
  line_ += ' ';
  const auto begin = line_.size();
  line_ += text;
  std::replace(line_.begin() + static_cast<std::ptrdiff_t>(begin), line_.end(), '\n', ' ');
  line_ += '\n';
  for (const char c : line_)
    hash_ = (hash_ ^ static_cast<std::uint8_t>(c)) * fnv_prime;
  ++lines_;
  if (sink_) sink_(line_);
  if (watcher_) watcher_(std::string_view{line_}.substr(begin, line_.size() - 1 - begin));
}

std::string hash_text(std::uint64_t hash) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 0; i < out.size(); ++i)
    out[out.size() - 1 - i] = digits[hash >> (4 * i) & 15];
  return out;
}

} // namespace lanrage::sim
