#pragma once

#include "net/errc.hpp"
#include "net/wg/state.hpp"

#include <cstddef>
#include <string_view>

namespace lanrage::net::wg {

/// Bounds of everything WireGuard tells us: far above any party, far below harm.
inline constexpr std::size_t text_max = 16 * 1024 * 1024; ///< octets of one answer
inline constexpr std::size_t peers_max = 65'536;
inline constexpr std::size_t allowed_ips_max = 65'536; ///< of one peer; foreign peers may have many

/// Reads `wg show INTERFACE dump` (wg(8)): one line of the interface, one per peer, fields
/// separated by tabs. Neither the private key nor a preshared key is kept. `own` is all zeros where
/// the interface has no key yet. Error: wg_refused with the line's number and what was expected.
result<observation> parse_dump(std::string_view text);

/// An endpoint as WireGuard prints it; the scope of a link-local address ("%eth0") is dropped.
std::optional<endpoint> parse_endpoint(std::string_view text);

/// Orders the peers by key; false when a key occurs twice.
bool order_peers(observation& seen);

/// The peer of that key, or nullptr. The peers must be ordered.
const peer_state* find_peer(const observation& seen, const wg_public_key& key);

} // namespace lanrage::net::wg
