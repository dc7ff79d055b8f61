#pragma once

#include "config/stream_defaults.hpp"
#include "messages/values.hpp"

#include <optional>
#include <utility>

namespace lanrage::actors {

/// Whether UDP gets through to any relay. One silent relay is dead; when all that were asked are
/// silent, UDP is blocked, or we are cut off. Pure.
class udp_watch {
 public:
  using time_point = msg::time_point;

  /// A request left for a relay by UDP.
  void asked(time_point now) {
    if (!since_) since_ = now;
  }
  /// It was blocked when a former daemon last looked: so it is, until something comes.
  void presume_blocked() { presumed_ = true; }
  /// Something came from a relay by UDP.
  void heard() {
    since_.reset();
    doubted_ = decided_ = presumed_ = false;
  }
  /// True once per silence, when it is time to ask the other relays, too.
  bool doubts(time_point now) {
    return reached(now, config::defaults::udp_doubted_after) && !std::exchange(doubted_, true);
  }
  /// Nothing came for udp_blocked_after since the first request without an answer.
  bool blocked(time_point now) {
    const bool is = reached(now, config::defaults::udp_blocked_after);
    decided_ = decided_ || is;
    return is || presumed_;
  }
  /// When `doubts` or `blocked` changes by itself.
  std::optional<time_point> deadline() const {
    if (!since_ || decided_) return std::nullopt;
    return *since_ +
           (doubted_ ? config::defaults::udp_blocked_after : config::defaults::udp_doubted_after);
  }

 private:
  bool reached(time_point now, std::chrono::nanoseconds silence) const {
    return since_ && now - *since_ >= silence;
  }

  std::optional<time_point> since_; ///< the first request that nothing came after
  bool doubted_ = false;
  bool decided_ = false;
  bool presumed_ = false;
};

} // namespace lanrage::actors
