#pragma once

#include "messages/interfaces.hpp"
#include "net/os/raw_port.hpp"

#include <caf/fwd.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>

namespace lanrage::actors {

/// Who hears which datagrams; outlives a crashed incarnation.
struct port_memory {
  std::optional<msg::frame_sink> paths;
  std::optional<msg::frame_sink> relays;
};

/// Owns the raw sockets on WireGuard's port. An incarnation that cannot open them, or loses them,
/// quits with the error: its guardian makes the next one. `io` outlives the actor system.
msg::port_actor spawn_port_driver(caf::actor_system& system, const msg::roles& roles,
                                  boost::asio::io_context& io,
                                  const net::os::raw_port_options& options,
                                  std::shared_ptr<port_memory> memory);

} // namespace lanrage::actors
