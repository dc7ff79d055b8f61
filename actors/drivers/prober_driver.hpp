#pragma once

#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <boost/asio/io_context.hpp>

#include <string>

namespace lanrage::actors {

/// ICMP echo through the interface of this name (empty: any). Whatever goes wrong is a loss to the
/// one who asked. `io` outlives the actor system.
msg::prober_actor spawn_prober_driver(caf::actor_system& system, boost::asio::io_context& io,
                                      const std::string& interface);

} // namespace lanrage::actors
