#include "actors/peer/liveness.hpp"

#include "config/check_defaults.hpp"
#include "config/path_defaults.hpp"

#include <algorithm>
#include <array>

namespace lanrage::actors {

namespace defaults = config::defaults;
using std::chrono::nanoseconds;

void liveness::look(std::uint64_t rx, std::uint64_t tx, time_point now, bool handshake) {
  const bool anew = !known_ || rx < rx_ || tx < tx_;
  if (anew)
    checked_.reset();
  else
    look_for_check(rx - rx_, tx - tx_, now, handshake);
  const bool heard = rx > rx_;
  const bool sent = tx - tx_ > defaults::keepalive_octets;
  if (!anew && (sent || rx - rx_ > defaults::keepalive_octets)) {
    if (moved_ && now - *moved_ > defaults::traffic_for) moves_ = 0;
    moved_ = now;
    moves_ = std::min(moves_ + 1, defaults::traffic_moves);
  }
  // Of what left since the last look the earliest may have left right after it; after a long pause
  // between looks that would be too far from the truth.
  const auto earliest = now - defaults::traffic_poll;
  const auto left = looked_ ? std::max(*looked_, earliest) : earliest;
  known_ = true;
  rx_ = rx;
  tx_ = tx;
  looked_ = now;
  if (anew) return waiting_since_.reset();
  if (heard) {
    if (waiting_since_)
      waited(now - *waiting_since_);
    else if (sent)
      waited(nanoseconds::zero());
    return waiting_since_.reset();
  }
  if (sent && !waiting_since_) waiting_since_ = left;
}

/// Whether what moved is a check and its answer, or one from each end, and WireGuard's own packets.
void liveness::look_for_check(std::uint64_t heard, std::uint64_t sent, time_point now,
                              bool handshake) {
  struct moved {
    std::uint64_t heard, sent;
  };
  constexpr std::array<moved, 3> handshakes{
      {{0, 0},
       {defaults::response_octets, defaults::initiation_octets},
       {defaults::initiation_octets, defaults::response_octets}}};
  // A keepalive may begin a handshake, and another one ends it.
  const auto idle_octets = (handshake ? 2 : 1) * defaults::keepalive_octets;
  const auto only = [](std::uint64_t octets, std::uint32_t checks) {
    const auto least = checks * defaults::check_octets;
    return octets >= least && octets <= least + 2 * defaults::keepalive_octets &&
           (octets - least) % defaults::keepalive_octets == 0;
  };
  for (const auto& own : handshakes) {
    if (heard < own.heard || sent < own.sent) continue;
    const auto in = heard - own.heard, out = sent - own.sent;
    if (in <= idle_octets && out <= idle_octets) return;
    for (const std::uint32_t checks : {1, 2}) {
      if (!only(in, checks) || !only(out, checks)) continue;
      checks_ += checks;
      if (moved_ && now - *moved_ <= defaults::traffic_for) return checked_.reset(); // traffic
      checked_ = now;
      return;
    }
    if (!handshake) break;
  }
  checked_.reset();
}

bool liveness::carries(time_point now) const {
  return moves_ == defaults::traffic_moves && now - *moved_ <= defaults::traffic_for;
}

void liveness::waited(nanoseconds time) {
  if (!usual_) {
    usual_ = time;
    spread_ = time / 2;
    return;
  }
  const auto off = time > *usual_ ? time - *usual_ : *usual_ - time;
  spread_ = (3 * spread_ + off) / 4;
  usual_ = (7 * *usual_ + time) / 8;
}

void liveness::alive(time_point now) {
  if (waiting_since_) waited(now - *waiting_since_);
  waiting_since_.reset();
}

nanoseconds liveness::patience() const {
  const auto usual = usual_.value_or(nanoseconds::zero()) + 4 * spread_;
  return std::clamp<nanoseconds>(usual, defaults::patience_min, defaults::patience_max);
}

std::optional<liveness::time_point> liveness::suspicious_at() const {
  if (!waiting_since_) return std::nullopt;
  return *waiting_since_ + patience();
}

} // namespace lanrage::actors
