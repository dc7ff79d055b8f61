#pragma once

#include "net/errc.hpp"
#include "net/port_rewrite.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace lanrage::net::os {

/// What `nft` is told to have exactly these rewrites, and nothing else, in our table; without any
/// there is no table. One transaction. Pure.
std::string port_rewrite_rules(std::uint16_t wg_port, const std::vector<port_rewrite>& all);

/// Rewrites ports of WireGuard's packets in the kernel, by stateless nft rules in a table of our
/// own, named after WireGuard's port. Needs CAP_NET_ADMIN and the program `nft`; blocks while that
/// runs, milliseconds. bad_state: no `nft`, or what it said; timed_out, not_permitted. Nothing has
/// changed then.
result<void> set_port_rewrites(std::uint16_t wg_port, const std::vector<port_rewrite>& all);

/// Takes away what there may be of them, also what a killed process left; quietly does nothing
/// where there cannot be any.
void remove_port_rewrites(std::uint16_t wg_port);

} // namespace lanrage::net::os
