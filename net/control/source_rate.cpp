#include "net/control/source_rate.hpp"

#include <algorithm>

namespace lanrage::net::control {

ip_address source_rate::network_of(const ip_address& source) {
  if (source.is_v4()) return source;
  auto octets = source.octets();
  std::fill(octets.begin() + 8, octets.end(), std::uint8_t{0});
  return ip_address::v6(octets);
}

void source_rate::make_room() {
  const auto oldest = by_age_.begin();
  buckets_.erase(oldest->second);
  by_age_.erase(oldest);
}

bool source_rate::allow(const ip_address& source, time_point now) {
  const auto network = network_of(source);
  auto found = buckets_.find(network);
  if (found == buckets_.end()) {
    if (buckets_.size() >= sources_max_) make_room();
    found = buckets_.emplace(network, bucket{static_cast<double>(burst_), now}).first;
  } else {
    by_age_.erase({found->second.at, network});
  }
  auto& mine = found->second;
  const std::chrono::duration<double> passed = now - mine.at;
  mine.left = std::min<double>(burst_, mine.left + passed.count() * per_s_);
  mine.at = now;
  by_age_.emplace(now, network);
  if (mine.left < 1) return false;
  mine.left -= 1;
  return true;
}

} // namespace lanrage::net::control
