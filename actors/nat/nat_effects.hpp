#pragma once

#include "messages/values.hpp"

#include <optional>
#include <vector>

namespace lanrage::actors {

/// What nat's cores want done, in this order. The caller executes and forgets.
struct nat_effects {
  std::vector<msg::send_frame> frames;
  std::vector<msg::path_event> events;                    ///< for the sink of the peer they name
  std::optional<msg::own_paths> publish;                  ///< the latest, when it changed
  std::optional<std::vector<net::port_rewrite>> rewrites; ///< all that shall be, when they changed
};

} // namespace lanrage::actors
