#pragma once

#include "net/endpoint.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace lanrage::net::control {

/// Limits how often one source connects: a token bucket per IPv4 address or IPv6 /64 (what one
/// customer gets). Bounded: the source unseen for longest makes room.
class source_rate {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  source_rate(std::uint32_t per_s, std::uint32_t burst, std::size_t sources_max = 65'536)
      : per_s_(per_s), burst_(burst), sources_max_(sources_max) {}

  /// Counts a connection and tells whether it is within the limit.
  bool allow(const ip_address& source, time_point now);

 private:
  struct bucket {
    double left = 0;
    time_point at;
  };
  static ip_address network_of(const ip_address& source);
  void make_room();

  std::uint32_t per_s_;
  std::uint32_t burst_;
  std::size_t sources_max_;
  std::map<ip_address, bucket> buckets_;
  std::set<std::pair<time_point, ip_address>> by_age_;
};

} // namespace lanrage::net::control
