#pragma once

#include "config/settings.hpp"
#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace lanrage::actors {

struct peer_settings {
  net::wg_public_key own;
  config::health_settings health;
  msg::wall_clock wall;
};

/// One connection. `memory` is where it starts from and what it keeps up to date; `address` is its
/// guardian's, handed to nat and writer as the sink of their news. Ends normally once the peer was
/// closed and is removed from WireGuard.
msg::peer_actor spawn_peer(caf::actor_system& system, std::shared_ptr<const msg::roles> roles,
                           std::shared_ptr<const peer_settings> settings,
                           std::shared_ptr<msg::peer_memory> memory,
                           const msg::peer_actor& address);

} // namespace lanrage::actors
