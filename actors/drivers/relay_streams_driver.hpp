#pragma once

#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>

namespace lanrage::actors {

/// Streams to relays, at most one to each: an open_stream ends the one before it. `wg_port`:
/// WireGuard's, which alone may use our ends of them. News go to `roles.relays`; when `restarted`,
/// first that all streams are gone. `io` outlives the actor system.
msg::relay_streams_actor spawn_relay_streams_driver(caf::actor_system& system,
                                                    const msg::roles& roles,
                                                    boost::asio::io_context& io,
                                                    std::uint16_t wg_port, std::uint32_t mark,
                                                    bool restarted);

} // namespace lanrage::actors
