#pragma once

#include "net/endpoint.hpp"
#include "net/pcp.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::net::os {

/// A UDP port of ours that the router says it forwards.
struct router_port {
  std::string protocol; ///< "PCP", "NAT-PMP", "UPnP"
  endpoint outside;     ///< its public address, as far as it knows
  std::chrono::seconds lifetime{};
};

/// Asks the default router to forward one UDP port, in all the ways there are (RFC 6887, RFC 6886,
/// UPnP IGD) and at once. Everything blocks; one thread at a time. What a router answers is its
/// claim: whether the port is open only the outside can tell.
class router_ports {
 public:
  /// `nonce`: the same after a restart, or a router that speaks PCP takes us for somebody else.
  router_ports(std::uint16_t port, const pcp::nonce& nonce);

  /// Makes or renews the mappings; those that were granted within `patience` and a little.
  std::vector<router_port> map(std::chrono::seconds lifetime, std::chrono::milliseconds patience);
  /// Removes what the last `map` was granted.
  void unmap(std::chrono::milliseconds patience);

 private:
  std::optional<router_port> by_pcp(std::chrono::seconds lifetime,
                                    std::chrono::milliseconds patience) const;
  std::optional<router_port> by_natpmp(std::chrono::seconds lifetime,
                                       std::chrono::milliseconds patience) const;
  std::optional<router_port> by_upnp(std::chrono::seconds lifetime,
                                     std::chrono::milliseconds patience) const;

  std::uint16_t port_;
  std::uint16_t another_; ///< asked of UPnP when the first is taken
  pcp::nonce nonce_{};
  std::vector<router_port> granted_;
};

} // namespace lanrage::net::os
