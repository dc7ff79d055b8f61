#pragma once

#include "messages/interfaces.hpp"
#include "net/keys.hpp"

#include <caf/fwd.hpp>

#include <boost/asio/io_context.hpp>

namespace lanrage::actors {

/// The connection to the control server: one at a time, one attempt per control_open, no retry. A
/// control_open ends the connection before it as soon as its own stands or failed, control_close
/// at once; nothing more is heard of that one. What it hears goes to `roles.directory` until
/// attach_control names another. When `restarted` it says link_closed for attempt 0: whatever
/// connection was there is gone. `io` outlives the actor system.
msg::control_link_actor spawn_control_link_driver(caf::actor_system& system,
                                                  const msg::roles& roles,
                                                  boost::asio::io_context& io,
                                                  const net::wg_private_key& key, bool restarted);

} // namespace lanrage::actors
