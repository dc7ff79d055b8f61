#pragma once

#include "actors/relay/relay_table.hpp"
#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <map>
#include <memory>
#include <string_view>

namespace lanrage::actors {

struct relay_selector_settings {
  net::wg_private_key key; ///< our WireGuard key: registrations are authenticated with it
  msg::wall_clock wall;    ///< registrations carry calendar time
  relay_wishes wishes = {};
};

/// What the next incarnation continues from: it resumes its registrations in one round trip.
struct relay_selector_memory {
  relay_table_memory table;
  std::map<net::relay_id, net::cookie> saved; ///< what the store has
  bool saved_udp_blocked = false;             ///< the same
};

/// The memory to start with, from the store document "relays.json" (empty: a first start). It only
/// saves round trips, so a damaged one is said in the log and forgotten.
std::shared_ptr<relay_selector_memory> load_relays(std::string_view document);

/// The shell around relay_table. On start it attaches itself (`roles.relays`) to the port, the
/// directory and the route watch; it tells `own_legs` to the directory and the supervisor, and its
/// news to the supervisor. What resumes a registration goes to the store when it changes, which is
/// about once an hour.
msg::relay_selector_actor spawn_relay_selector(caf::actor_system& system, const msg::roles& roles,
                                               relay_selector_settings settings,
                                               std::shared_ptr<relay_selector_memory> memory);

} // namespace lanrage::actors
