#include "sim/scenario/check.hpp"

#include <algorithm>

namespace lanrage::sim::scenario {
namespace {

constexpr std::uint64_t fnv_prime = 0x100000001b3;

/// The lines of a log from `begin` to before `end`.
std::vector<std::string> lines_of(const log_run& run, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::string> out;
  std::uint64_t at = 0;
  run([&](std::string_view line) {
    if (at >= begin && at < end) out.emplace_back(line);
    ++at;
  });
  return out;
}

std::vector<std::string> part(const std::vector<std::string>& of, std::size_t begin,
                              std::size_t end) {
  begin = std::min(begin, of.size());
  end = std::clamp(end, begin, of.size());
  return {of.begin() + static_cast<std::ptrdiff_t>(begin),
          of.begin() + static_cast<std::ptrdiff_t>(end)};
}

} // namespace

void digest::add(std::string_view line) {
  for (const char c : line)
    hash_ = (hash_ ^ static_cast<std::uint8_t>(c)) * fnv_prime;
  hash_ = (hash_ ^ '\n') * fnv_prime; // lines do not run into each other
  if (++lines_ % gap_ != 0) return;
  marks_.push_back(hash_);
  if (marks_.size() < marks_max) return;
  for (std::size_t i = 0; i < marks_.size() / 2; ++i)
    marks_[i] = marks_[2 * i + 1];
  marks_.resize(marks_.size() / 2);
  gap_ *= 2;
}

std::optional<digest::range> first_difference(const digest& one, const digest& other) {
  if (one.hash_ == other.hash_ && one.lines_ == other.lines_) return std::nullopt;
  const auto gap = std::max(one.gap_, other.gap_);
  const auto mark = [gap](const digest& of, std::uint64_t number) {
    return of.marks_[number * (gap / of.gap_) + (gap / of.gap_ - 1)];
  };
  const auto both = std::min(one.lines_, other.lines_) / gap;
  std::uint64_t same = 0;
  while (same < both && mark(one, same) == mark(other, same))
    ++same;
  return digest::range{same * gap, (same + 1) * gap};
}

digest digest_of(const log_run& run) {
  digest out;
  run([&](std::string_view line) { out.add(line); });
  return out;
}

difference look_closely(const log_run& one, const log_run& other, digest::range where) {
  const auto begin = where.begin > context_lines ? where.begin - context_lines : 0;
  const auto end = where.end + context_lines;
  const auto a = lines_of(one, begin, end);
  const auto b = lines_of(other, begin, end);
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  difference out;
  if (at_a == a.end() && at_b == b.end()) return out;
  const auto at = static_cast<std::size_t>(at_a - a.begin());
  out.line = begin + at + 1;
  out.before = part(a, at > context_lines ? at - context_lines : 0, at);
  out.one = part(a, at, at + context_lines);
  out.other = part(b, at, at + context_lines);
  return out;
}

} // namespace lanrage::sim::scenario
