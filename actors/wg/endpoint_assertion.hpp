#pragma once

#include "actors/wg/writer_effects.hpp"

#include <optional>

namespace lanrage::actors {

/// One endpoint being asserted: WireGuard roams back on the next packet that comes by the old path,
/// so it is written again until it stayed for two round trips. Pure.
class endpoint_assertion {
 public:
  using time_point = msg::time_point;
  enum class verdict : std::uint8_t { going_on, landed, expired };

  endpoint_assertion(request_id request, const msg::assert_endpoint& order, time_point now,
                     const writer_timing& timing);

  request_id request() const { return request_; }
  const net::endpoint& where() const { return where_; }
  /// What to restore when it expires: the endpoint before the first write.
  const std::optional<net::endpoint>& before() const { return before_; }
  /// Takes over the endpoint to restore from an assertion that this one replaces.
  void inherit(const endpoint_assertion& replaced);

  /// What WireGuard has now.
  void look(const std::optional<net::endpoint>& seen, time_point now);
  verdict judge(time_point now) const;
  /// Whether it must be written now, at most once per interval.
  bool write_due(time_point now) const;
  void written(time_point now);
  /// When to look, write or judge again, given what a look costs.
  time_point next(std::chrono::nanoseconds look_cost) const;

 private:
  request_id request_;
  net::endpoint where_;
  std::optional<net::endpoint> before_;
  bool looked_ = false;
  std::optional<time_point> stable_since_;
  std::optional<time_point> written_;
  time_point looked_at_;
  time_point deadline_;
  std::chrono::nanoseconds stable_for_;
  std::chrono::nanoseconds interval_;
};

} // namespace lanrage::actors
