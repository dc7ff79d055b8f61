#pragma once

#include "config/defaults.hpp"

/// One health check of an idle pair for both of its ends: how they take turns, and how a check is
/// known by WireGuard's counters.
namespace lanrage::config::defaults {

/// A check of the peer's puts off our own to so long before the peer's next is due, so that ours is
/// seen in time to put that off. Ours: two looks at the counters (wg_poll) and a round trip.
inline constexpr milliseconds check_share_margin = 2'500ms;
/// Checks further apart are shared. Ours: looks once a second are too coarse for others.
inline constexpr seconds check_share_from = 10s;
/// Octets of a WireGuard packet with a probe of ours or its answer in it. Source: its message
/// format, 32 around an ICMP echo of 36, which is padded to 48.
inline constexpr std::uint64_t check_octets = 80;
/// The two packets of a handshake, which moves counters as well. Source: its message format.
inline constexpr std::uint64_t initiation_octets = 148;
inline constexpr std::uint64_t response_octets = 92;

} // namespace lanrage::config::defaults
