#pragma once

#include "net/endpoint.hpp"

#include <compare>
#include <cstdint>

namespace lanrage::net {

/// What WireGuard sends to `peer` leaves from `port` instead of its own, and what `peer` sends to
/// `port` arrives at WireGuard's: a path that birthday probing found (docs/decisions/0023). IPv4.
struct port_rewrite {
  endpoint peer;
  std::uint16_t port = 0; ///< one of the spare ports
  friend auto operator<=>(const port_rewrite&, const port_rewrite&) = default;
};

} // namespace lanrage::net
