#pragma once

#include "net/wg/state.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

/// Desired state against observed state. Pure.
namespace lanrage::actors {

/// Whether WireGuard may know better where a peer is.
enum class endpoint_rule : std::uint8_t {
  hint,  ///< where to start: written only where WireGuard has none; roaming is no difference
  pinned ///< must be exactly this
};

/// How WireGuard shall know one of our peers.
struct desired_peer {
  net::virtual_ip address;            ///< its one allowed IP
  std::optional<net::endpoint> where; ///< absent: a silent responder, WireGuard learns it
  endpoint_rule rule = endpoint_rule::hint;
  /// Zero: off. Also off as long as the peer has no endpoint: a keepalive would start a handshake,
  /// and a responder must not start one.
  std::chrono::seconds keepalive{};
};

/// The one change that brings a peer to what is desired, nothing where it is. `now` is nullptr when
/// WireGuard does not have the peer.
std::optional<net::wg::change> difference(const net::wg_public_key& key,
                                          const desired_peer& desired,
                                          const net::wg::peer_state* now);

/// All changes, ordered by key, removals first (an address may move to another peer). Peers that
/// are in neither set are not ours and are left alone.
std::vector<net::wg::change> plan(const std::map<net::wg_public_key, desired_peer>& desired,
                                  const std::set<net::wg_public_key>& unwanted,
                                  const net::wg::observation& seen);

} // namespace lanrage::actors
