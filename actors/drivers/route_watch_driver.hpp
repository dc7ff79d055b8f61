#pragma once

#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lanrage::actors {

/// Who is told of changes; outlives a crashed incarnation.
struct route_watch_memory {
  std::vector<msg::network_sink> listeners;
};

/// Watches addresses, default routes and links, those of `tunnel` apart. A burst of changes is told
/// once, `network_settle` after its first; addresses that end as they were are no news. Listeners
/// that died are forgotten. Quits with the error when the kernel's socket cannot be had or is lost.
/// `io` outlives the actor system.
msg::route_watch_actor spawn_route_watch_driver(caf::actor_system& system,
                                                boost::asio::io_context& io,
                                                const std::string& tunnel,
                                                std::shared_ptr<route_watch_memory> memory);

} // namespace lanrage::actors
