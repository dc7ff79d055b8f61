#pragma once

#include "messages/interfaces.hpp"
#include "net/crypto.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

namespace lanrage::actors {

struct nat_settings {
  net::wg_private_key key; ///< our WireGuard key: probes are authenticated with it
  std::uint16_t listen_port = config::defaults::listen_port; ///< WireGuard's, for host candidates
  /// Makes transaction ids, which must not repeat after a restart: a seeded source shares its state
  /// between copies.
  net::random_source random;
  bool birthday = false; ///< daemon.birthday_probing
};

/// What the next incarnation continues from.
struct nat_memory {
  struct running {
    msg::start_punch order;
    msg::time_point until; ///< after this the session would be over
  };
  std::map<net::wg_public_key, msg::attach_paths> expected; ///< peers to answer, and their sinks
  std::map<net::wg_public_key, running> punching;           ///< sessions without an outcome yet
  std::optional<msg::relays_listed> relays;
  std::optional<msg::host_addresses> hosts;
  msg::ports_mapped mapped;
  std::map<net::wg_public_key, net::port_rewrite> rewrites; ///< by birthday probing
};

/// The shell around nat_core. On start it attaches itself (`roles.nat`) to the port, the directory
/// and the route watch; it tells `own_paths` to the directory and the supervisor, and path events
/// to the sink that expects the peer.
msg::nat_actor spawn_nat(caf::actor_system& system, const msg::roles& roles, nat_settings settings,
                         std::shared_ptr<nat_memory> memory);

} // namespace lanrage::actors
