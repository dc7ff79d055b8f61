#pragma once

#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lanrage::actors {

/// Who is told of changes; outlives a crashed incarnation.
struct route_watch_memory {
  std::vector<msg::network_sink> listeners;
};

/// How long the machine has been suspended in all since it started: the boot clock runs meanwhile,
/// the monotonic one does not.
std::chrono::nanoseconds time_asleep();
using sleep_clock = std::function<std::chrono::nanoseconds()>;

/// Watches addresses, default routes and links, those of `tunnel` apart. A burst of changes is told
/// once, `network_settle` after its first; addresses that end as they were are no news. Listeners
/// that died are forgotten. A machine that was suspended (`asleep` has grown) is news, too. Quits
/// with the error when the kernel's socket cannot be had or is lost. `io` outlives the actor
/// system.
msg::route_watch_actor spawn_route_watch_driver(caf::actor_system& system,
                                                boost::asio::io_context& io,
                                                const std::string& tunnel,
                                                std::shared_ptr<route_watch_memory> memory,
                                                sleep_clock asleep = time_asleep);

} // namespace lanrage::actors
