#pragma once

#include "messages/interfaces.hpp"
#include "net/os/wg_interface.hpp"

#include <caf/fwd.hpp>

namespace lanrage::actors {

/// Owns the WireGuard interface of this machine. Its work blocks, so it has a thread of its own; it
/// does one thing after another, as asked. Ending it leaves the interface as it is.
msg::wg_device_actor spawn_wg_driver(caf::actor_system& system,
                                     const net::os::wg_interface_options& options);

} // namespace lanrage::actors
