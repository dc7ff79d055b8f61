#include "sim/trace/summary.hpp"

#include <algorithm>

namespace lanrage::sim::trace {
namespace {

/// Values stand below 2^42 (limits::value): two digits of 21 bits.
constexpr int digit_bits = 21;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
static_assert(limits::value.count() < (std::int64_t{1} << (2 * digit_bits)));

using histogram = std::vector<std::uint64_t>;

/// The bucket of the sample that has `rank` smaller ones before it; the rank within the bucket.
std::size_t find_rank(const histogram& counts, std::uint64_t& rank) {
  std::size_t at = 0;
  for (; rank >= counts[at]; ++at)
    rank -= counts[at];
  return at;
}

template <class Visit>
result<void> each_sample(reader& trace, Visit visit) {
  for (;;) {
    const auto record = trace.next();
    if (!record) return record.error();
    if (!*record) return {};
    if ((*record)->kind == record_kind::sample)
      visit(static_cast<std::size_t>((*record)->value.count()));
  }
}

} // namespace

result<summary> summarize(const input& from) {
  auto first = reader::open(from);
  if (!first) return first.error();
  histogram high(digits);
  std::size_t least = SIZE_MAX, greatest = 0;
  const auto counted = each_sample(*first, [&](std::size_t value) {
    ++high[value >> digit_bits];
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  });
  if (!counted) return counted.error();
  summary out{first->head(), first->seen(), {}};
  const auto samples = out.counted.samples;
  if (samples == 0) return out;

  std::uint64_t rank_50 = samples / 100 * 50 + samples % 100 * 50 / 100;
  std::uint64_t rank_99 = samples / 100 * 99 + samples % 100 * 99 / 100;
  const auto high_50 = find_rank(high, rank_50), high_99 = find_rank(high, rank_99);
  auto second = reader::open(from);
  if (!second) return second.error();
  histogram low_50(digits), low_99(digits);
  const auto again = each_sample(*second, [&](std::size_t value) {
    const auto low = value & (digits - 1);
    if (value >> digit_bits == high_50) ++low_50[low];
    if (value >> digit_bits == high_99) ++low_99[low];
  });
  if (!again) return again.error();
  if (second->seen().samples != samples)
    return problem{from.name, 0, "a file that changed meanwhile", "one that stays", {}};
  const auto value = [](std::size_t high_digit, std::size_t low_digit) {
    return nanoseconds{static_cast<std::int64_t>((high_digit << digit_bits) | low_digit)};
  };
  out.of_samples = summary::values{
      nanoseconds{static_cast<std::int64_t>(least)}, value(high_50, find_rank(low_50, rank_50)),
      value(high_99, find_rank(low_99, rank_99)), nanoseconds{static_cast<std::int64_t>(greatest)}};
  return out;
}

} // namespace lanrage::sim::trace
