#pragma once

#include "sim/world/event_queue.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace lanrage::sim {

/// The world's one queue of events and its time. Rare things are functions; packets and timers,
/// which are many, are not.
class agenda {
 public:
  agenda() = default;
  agenda(const agenda&) = delete;
  agenda& operator=(const agenda&) = delete;

  time_point now() const { return *clock_; }
  /// From now on the time is what stands there; whoever keeps it also lets it pass.
  void follow(const time_point* clock) { clock_ = clock; }
  event_queue& queue() { return queue_; }
  time_point next() const { return queue_.next(); }

  void at(time_point when, std::function<void()> deed) {
    std::uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(deeds_.size());
      deeds_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    deeds_[slot] = std::move(deed);
    queue_.push(std::max(when, now()), event_kind::deed, 0, slot);
  }
  void after(duration wait, std::function<void()> deed) { at(now() + wait, std::move(deed)); }

  /// The next event. An agenda that follows nobody's clock has its time from here.
  event take() {
    const auto out = queue_.pop();
    own_ = std::max(own_, out.at);
    return out;
  }
  void advance_to(time_point when) { own_ = std::max(own_, when); }
  void perform(std::uint64_t token) {
    const auto slot = static_cast<std::uint32_t>(token);
    const auto deed = std::exchange(deeds_[slot], {});
    free_.push_back(slot);
    deed();
  }

 private:
  event_queue queue_;
  std::vector<std::function<void()>> deeds_;
  std::vector<std::uint32_t> free_;
  time_point own_{};
  const time_point* clock_ = &own_;
};

} // namespace lanrage::sim
