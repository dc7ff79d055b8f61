#pragma once

#include "messages/interfaces.hpp"
#include "net/os/lan_socket.hpp"

#include <caf/fwd.hpp>

#include <memory>
#include <optional>

namespace lanrage::actors {

/// Outlives a crashed driver: who hears.
struct lan_memory {
  std::optional<msg::lan_sink> sink;
};

/// Owns the multicast sockets and follows the route watch's news. A port that somebody else has is
/// said once and tried again: everything else works without.
msg::lan_actor spawn_lan_driver(caf::actor_system& system, const msg::roles& roles,
                                boost::asio::io_context& io,
                                const net::os::lan_socket_options& options,
                                std::shared_ptr<lan_memory> memory);

} // namespace lanrage::actors
