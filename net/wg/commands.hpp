#pragma once

#include "net/wg/state.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::net::wg {

/// Arguments of one `wg` call, octets and pointers included. Linux takes 128 KiB in any case and
/// usually 2 MiB; a peer needs about 0.2 KiB, so 1,000 peers are two calls.
inline constexpr std::size_t call_octets_max = 128 * 1024;

using arguments = std::vector<std::string>;

/// The `wg set INTERFACE ...` calls that make these changes, in their order and as few as the bound
/// allows (a call costs milliseconds, a peer in it 0.2 ms). Values that `seen` already has are not
/// said again: writing the allowed IPs anew would open a gap in which packets are dropped, writing
/// an endpoint anew forgets the source address of a living session. `seen` must be ordered.
std::vector<arguments> wg_set_calls(std::string_view interface, const std::vector<change>& changes,
                                    const observation& seen,
                                    std::size_t octets_max = call_octets_max);

/// "10.66.0.42/32", the one allowed IP of a member.
std::string allowed_ip(const virtual_ip& address);

} // namespace lanrage::net::wg
