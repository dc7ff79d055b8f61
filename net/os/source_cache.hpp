#pragma once

#include "net/endpoint.hpp"
#include "net/errc.hpp"

#include <chrono>
#include <cstdint>
#include <map>

namespace lanrage::net::os {

/// The source address the kernel (and so WireGuard) would choose for a destination. Needed because
/// a UDP checksum covers it. Remembered for a moment only, since routes change.
class source_cache {
 public:
  explicit source_cache(std::uint32_t mark) : mark_(mark) {}

  /// unreachable: no route.
  result<ip_address> source_for(const ip_address& to);
  void clear() { known_.clear(); }

 private:
  struct entry {
    ip_address source;
    std::chrono::steady_clock::time_point learned;
  };
  std::uint32_t mark_;
  std::map<ip_address, entry> known_;
};

} // namespace lanrage::net::os
