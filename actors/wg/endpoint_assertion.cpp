#include "actors/wg/endpoint_assertion.hpp"

#include <algorithm>

namespace lanrage::actors {

endpoint_assertion::endpoint_assertion(request_id request, const msg::assert_endpoint& order,
                                       time_point now, const writer_timing& timing)
    : request_(request), where_(order.where), looked_at_(now),
      deadline_(now + timing.assert_deadline),
      // Bounded: an absurd round trip must not make it impossible to land.
      stable_for_(std::clamp<std::chrono::nanoseconds>(2 * order.rtt, timing.assert_stable_min,
                                                       timing.assert_deadline / 2)),
      interval_(timing.assert_interval) {}

void endpoint_assertion::inherit(const endpoint_assertion& replaced) {
  looked_ = replaced.looked_;
  before_ = replaced.before_;
}

void endpoint_assertion::look(const std::optional<net::endpoint>& seen, time_point now) {
  if (!looked_) before_ = seen;
  looked_ = true;
  looked_at_ = now;
  if (seen != where_)
    stable_since_.reset();
  else if (!stable_since_)
    stable_since_ = now;
}

endpoint_assertion::verdict endpoint_assertion::judge(time_point now) const {
  if (stable_since_ && now - *stable_since_ >= stable_for_) return verdict::landed;
  return now >= deadline_ ? verdict::expired : verdict::going_on;
}

bool endpoint_assertion::write_due(time_point now) const {
  return looked_ && !stable_since_ && (!written_ || now - *written_ >= interval_);
}

void endpoint_assertion::written(time_point now) {
  written_ = now;
}

endpoint_assertion::time_point endpoint_assertion::next(std::chrono::nanoseconds look_cost) const {
  const auto pace = std::max(interval_, config::defaults::wg_poll_share * look_cost);
  return std::min(looked_at_ + pace, deadline_);
}

} // namespace lanrage::actors
