#pragma once

#include "messages/interfaces.hpp"
#include "net/keys.hpp"

#include <caf/fwd.hpp>

#include <cstdint>

namespace lanrage::actors {

/// Asks the router for WireGuard's port at the start, when the network changes and before the lease
/// ends; tells nat what is mapped; removes it at the end. The libraries for it block, so it lives
/// in a thread of its own. `key`: of this machine, to be known again after a restart.
msg::network_sink spawn_port_mapper_driver(caf::actor_system& system, const msg::roles& roles,
                                           std::uint16_t port, const net::wg_private_key& key);

} // namespace lanrage::actors
