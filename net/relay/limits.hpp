#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lanrage::net::relay {

/// Points in time as the core sees them: handed in, never read.
using steady_time = std::chrono::steady_clock::time_point;
using unix_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// One moment on both clocks: intervals go by the steady one, tokens and timestamps by the other.
struct instant {
  steady_time steady;
  unix_time unix;
};

/// Every bound of the relay. The values are config/defaults.hpp's (`limits_of` in server.hpp); the
/// core knows none of its own.
struct relay_limits {
  std::size_t members = 0;
  std::size_t routes = 0; ///< of all members together
  std::size_t routes_per_member = 0;
  std::size_t members_per_party = 0;
  std::size_t parties_per_member = 0;
  std::size_t provisional_per_peer = 0; ///< unproven routes one member may leave with another
  std::chrono::seconds lifetime{};      ///< of a registration without any traffic or renewal
  std::chrono::seconds route_idle{};
  std::chrono::seconds cookie_period{};
  std::chrono::seconds timestamp_ahead{};  ///< a registration may be this far in the future
  std::chrono::seconds membership_grace{}; ///< after its token's end, while the member is live
  std::uint32_t rate_kbit_s = 0;           ///< per member and direction, unless its token says
  std::chrono::milliseconds burst{};       ///< of that rate that may come at once
  std::uint32_t refusals_per_source_s = 0;
  std::uint32_t stun_per_source_s = 0;
  std::uint32_t proofs_per_source_s = 0; ///< registrations that need asymmetric cryptography
  std::uint32_t mac1_tests_s = 0;        ///< per sender
  std::uint32_t packet_budget_s = 0;     ///< what `load` is measured against
};

} // namespace lanrage::net::relay
