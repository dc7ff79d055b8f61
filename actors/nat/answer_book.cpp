#include "actors/nat/answer_book.hpp"

#include <algorithm>

namespace lanrage::actors {

namespace defaults = config::defaults;

answer_book::verdict answer_book::admit(const net::endpoint& from, const net::probe_transaction& id,
                                        time_point now) {
  constexpr auto cost =
      std::chrono::nanoseconds{std::chrono::seconds{1}} / defaults::punch_answers_per_s;
  constexpr auto tolerance = cost * (defaults::punch_answers_burst - 1);
  const std::pair entry{from, id};
  if (std::find(answered_.begin(), answered_.end(), entry) != answered_.end())
    return verdict::duplicate;
  const auto paid = std::max(paid_until_, now);
  if (paid - now > tolerance) return verdict::over_rate;
  paid_until_ = paid + cost;
  if (answered_.size() == defaults::punch_memory_max) answered_.erase(answered_.begin());
  answered_.push_back(entry);
  return verdict::answer;
}

bool effect_book::first(const net::probe_transaction& id, std::uint32_t epoch) {
  const std::pair entry{id, epoch};
  if (std::find(seen_.begin(), seen_.end(), entry) != seen_.end()) return false;
  if (seen_.size() == defaults::punch_memory_max) seen_.erase(seen_.begin());
  seen_.push_back(entry);
  return true;
}

void effect_book::forget_before(std::uint32_t epoch) {
  std::erase_if(seen_, [epoch](const auto& entry) { return entry.second < epoch; });
}

} // namespace lanrage::actors
