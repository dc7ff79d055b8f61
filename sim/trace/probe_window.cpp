#include "sim/trace/probe_window.hpp"

namespace lanrage::sim::trace {

std::int64_t probe_window::unwrapped(std::int64_t number) const {
  if (!last_) return number;
  constexpr std::int64_t circle = 65'536;
  auto step = (number - *last_) % circle;
  if (step < 0) step += circle;
  if (step > circle / 2) step -= circle;
  return *last_ + step;
}

void probe_window::sent(std::int64_t number) {
  if (!last_) {
    front_ = first_ && *first_ < number ? *first_ : number;
    first_ = front_;
    last_ = front_ - 1;
  }
  for (; *last_ < number; ++*last_) {
    slots_.push_back({});
    if (static_cast<std::int64_t>(slots_.size()) > width) give_front();
  }
}

bool probe_window::answered(std::int64_t number, std::int64_t sent_ns, nanoseconds rtt) {
  sent(number);
  if (number < front_) return false;
  auto& at = slots_[static_cast<std::size_t>(number - front_)];
  if (at.answered) return false;
  at = {true, sent_ns, rtt};
  return true;
}

/// Gives the first answer, or all the losses before the first answer.
void probe_window::give_front() {
  std::size_t lost = 0;
  while (lost < slots_.size() && !slots_[lost].answered)
    ++lost;
  if (lost == 0) {
    const auto& front = slots_.front();
    given_ = known{front_, front.sent_ns};
    if (!begun_) begun_ = given_;
    give_({front.sent_ns, front.rtt});
    lost_since_ = 0;
  } else if (lost == slots_.size() || !given_) {
    // Nobody behind them, or nobody before: at the distance the others have.
    const auto spacing = mean_spacing();
    const auto count = static_cast<std::int64_t>(lost);
    const bool leading = lost < slots_.size();
    const auto from = leading  ? slots_[lost].sent_ns - spacing * (count + 1)
                      : given_ ? given_->sent_ns + spacing * lost_since_
                               : 0;
    give_lost(count, from, spacing * (count + 1), count + 1);
    lost_since_ += count;
  } else {
    const auto parts = static_cast<std::int64_t>(lost) + 1;
    const auto from = given_->sent_ns + mean_spacing() * lost_since_;
    give_lost(parts - 1, from, slots_[lost].sent_ns - from, parts);
  }
  const auto gone = lost == 0 ? 1 : lost;
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(gone));
  front_ += static_cast<std::int64_t>(gone);
}

void probe_window::give_lost(std::int64_t count, std::int64_t from_ns, std::int64_t span,
                             std::int64_t parts) {
  for (std::int64_t i = 1; i <= count; ++i)
    give_({from_ns + span / parts * i + span % parts * i / parts, {}});
}

std::int64_t probe_window::mean_spacing() const {
  const known* before = begun_ ? &*begun_ : nullptr;
  if (before && given_->number > before->number)
    return (given_->sent_ns - before->sent_ns) / (given_->number - before->number);
  // Too early for a mean: the next two answers tell.
  const known none;
  known seen = before ? *before : none;
  bool have = before != nullptr;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].answered) continue;
    const auto number = front_ + static_cast<std::int64_t>(i);
    if (have) return (slots_[i].sent_ns - seen.sent_ns) / (number - seen.number);
    seen = {number, slots_[i].sent_ns};
    have = true;
  }
  return otherwise_.count();
}

void probe_window::finish(nanoseconds spacing) {
  otherwise_ = spacing;
  if (!begun_ && !slots_.empty()) {
    std::size_t answers = 0;
    for (const auto& each : slots_)
      answers += each.answered ? 1 : 0;
    if (answers == 0) {
      give_lost(static_cast<std::int64_t>(slots_.size()), -spacing.count(),
                spacing.count() * static_cast<std::int64_t>(slots_.size()),
                static_cast<std::int64_t>(slots_.size()));
      slots_.clear();
    }
  }
  while (!slots_.empty())
    give_front();
}

} // namespace lanrage::sim::trace
