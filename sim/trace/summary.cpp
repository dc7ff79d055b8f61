#include "sim/trace/summary.hpp"

#include <algorithm>

namespace lanrage::sim::trace {
namespace {

/// Values stand below 2^42 (limits::value): three digits of 14 bits.
constexpr int digit_bits = 14;
constexpr int last_digit = 2;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
static_assert(limits::value.count() < (std::int64_t{1} << (3 * digit_bits)));

/// Finds the sample that has `rank` smaller ones before it, one digit per pass, the highest first.
class rank_search {
 public:
  explicit rank_search(std::uint64_t rank) : rank_(rank) {}

  void see(std::uint64_t value, int digit) {
    const auto shift = digit_bits * (last_digit - digit);
    if (value >> (shift + digit_bits) == found_) ++counts_[(value >> shift) & (digits - 1)];
  }
  /// At the end of a pass.
  void narrow() {
    std::size_t at = 0;
    for (; rank_ >= counts_[at]; ++at)
      rank_ -= counts_[at];
    found_ = (found_ << digit_bits) | at;
    std::fill(counts_.begin(), counts_.end(), 0);
  }
  nanoseconds found() const { return nanoseconds{static_cast<std::int64_t>(found_)}; }

 private:
  std::uint64_t rank_; ///< among the values that begin with what has been found
  std::uint64_t found_ = 0;
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(digits);
};

template <class Visit>
result<void> each_sample(reader& trace, Visit visit) {
  for (;;) {
    const auto record = trace.next();
    if (!record) return record.error();
    if (!*record) return {};
    if ((*record)->kind == record_kind::sample)
      visit(static_cast<std::uint64_t>((*record)->value.count()));
  }
}

/// The first pass: what is counted, and the extremes.
result<summary> count(const input& from) {
  auto trace = reader::open(from);
  if (!trace) return trace.error();
  std::uint64_t least = UINT64_MAX, greatest = 0;
  const auto counted = each_sample(*trace, [&](std::uint64_t value) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  });
  if (!counted) return counted.error();
  summary out{trace->head(), trace->seen(), {}};
  if (out.counted.samples > 0)
    out.of_samples = summary::values{nanoseconds{static_cast<std::int64_t>(least)},
                                     {},
                                     {},
                                     nanoseconds{static_cast<std::int64_t>(greatest)}};
  return out;
}

/// n * percent / 100 without overflow.
std::uint64_t rank_of(std::uint64_t samples, std::uint64_t percent) {
  return samples / 100 * percent + samples % 100 * percent / 100;
}

} // namespace

result<summary> summarize(const input& from) {
  auto out = count(from);
  if (!out || !out->of_samples) return out;
  const auto samples = out->counted.samples;
  rank_search half{rank_of(samples, 50)}, most{rank_of(samples, 99)};
  for (int digit = 0; digit <= last_digit; ++digit) {
    auto trace = reader::open(from);
    if (!trace) return trace.error();
    const auto seen = each_sample(*trace, [&](std::uint64_t value) {
      half.see(value, digit);
      most.see(value, digit);
    });
    if (!seen) return seen.error();
    if (trace->seen().samples != samples)
      return problem{from.name, 0, "a file that changed meanwhile", "one that stays", {}};
    half.narrow();
    most.narrow();
  }
  out->of_samples->p50 = half.found();
  out->of_samples->p99 = most.found();
  return out;
}

} // namespace lanrage::sim::trace
