#include "actors/delay_history.hpp"

#include <algorithm>
#include <limits>

namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {

std::size_t slot(unsigned age) {
  return std::clamp<std::size_t>(age, 1, defaults::path_ages) - 1;
}

/// A peer may claim any delay; sums must not overflow.
constexpr std::chrono::microseconds delay_max = std::chrono::hours{1};

} // namespace

void delay_persistence::saw(unsigned age, bool changed) {
  auto& at = ages_[slot(age)];
  ++at.seen;
  at.changed += changed ? 1 : 0;
  if (at.seen < defaults::path_counts_max) return;
  at.seen /= 2;
  at.changed /= 2;
}

unsigned delay_persistence::permille(unsigned age) const {
  constexpr auto weight = defaults::path_change_prior_weight;
  constexpr auto prior = defaults::path_change_prior_permille * weight;
  const auto& at = ages_[slot(age)];
  return 1'000 - (at.changed * 1'000 + prior) / (at.seen + weight);
}

void delay_history::answered(microseconds rtt, delay_persistence& learns) {
  add(std::clamp(rtt, microseconds{0}, delay_max), false, learns);
}

void delay_history::lost(delay_persistence& learns) {
  add(defaults::path_lost_as, true, learns);
}

void delay_history::add(microseconds rtt, bool lost, delay_persistence& learns) {
  if (samples_ > 0) {
    const auto moved = rtt < last_ ? last_ - rtt : rtt - last_;
    const bool changed = moved * 100 > last_ * defaults::path_change_percent;
    learns.saw(age_, changed);
    age_ = changed ? 1 : static_cast<std::uint8_t>(std::min<int>(age_ + 1, defaults::path_ages));
    const auto over = std::min<int>(samples_ + 1, defaults::path_usual_over);
    const auto capped = [](microseconds of) {
      return std::min<microseconds>(of, defaults::path_usual_cap);
    };
    usual_ += (capped(rtt) - usual_) / over;
    jitter_ += (capped(moved) - jitter_) / over;
    loss_ppm_ += ((lost ? 1'000'000 : 0) - loss_ppm_) / over;
  } else {
    usual_ = std::min<microseconds>(rtt, defaults::path_usual_cap);
    loss_ppm_ = lost ? 1'000'000 : 0;
    age_ = 1;
  }
  last_ = rtt;
  if (samples_ < std::numeric_limits<std::uint16_t>::max()) ++samples_;
}

msg::path_forecast delay_history::forecast(const delay_persistence& known) const {
  if (empty()) return {};
  const auto keeps = known.permille(age_);
  return {(last_ * keeps + usual_ * (1'000 - keeps)) / 1'000, usual_, jitter_,
          static_cast<std::uint16_t>(loss_ppm_ / 1'000), samples_};
}

} // namespace lanrage::actors
