#pragma once

#include "sim/world/moment.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lanrage::sim {

enum class event_kind : std::uint32_t {
  packet,  ///< `token`: a slot of the packet pool that reaches its next node
  wg_wake, ///< `subject`: a machine; `token`: what its WireGuard asked to be woken for
  deed,    ///< `token`: a slot of the world's deeds
};

/// Something that will happen. What it refers to lives elsewhere, so that sorting is cheap.
struct event {
  time_point at;
  std::uint64_t sequence = 0;
  std::uint64_t token = 0;
  event_kind kind{};
  std::uint32_t subject = 0;
};

/// What is to come, by (time, order of insertion).
class event_queue {
 public:
  void push(time_point at, event_kind kind, std::uint32_t subject, std::uint64_t token) {
    heap_.push_back({at, ++last_, token, kind, subject});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  /// `never` when there is nothing.
  time_point next() const { return heap_.empty() ? never : heap_.front().at; }
  event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const auto out = heap_.back();
    heap_.pop_back();
    return out;
  }

 private:
  static bool later(const event& a, const event& b) {
    return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
  }
  std::vector<event> heap_;
  std::uint64_t last_ = 0;
};

} // namespace lanrage::sim
