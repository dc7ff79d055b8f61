#pragma once

#include "net/endpoint.hpp"

#include <vector>

namespace lanrage::sim {

/// What a machine has an address of.
struct families {
  bool ipv4 = true;
  bool ipv6 = false;
};

inline families families_of(const std::vector<net::ip_address>& addresses) {
  families out{false, false};
  for (const auto& each : addresses)
    (each.is_v4() ? out.ipv4 : out.ipv6) = true;
  return out;
}

} // namespace lanrage::sim
