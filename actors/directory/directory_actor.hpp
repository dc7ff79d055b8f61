#pragma once

#include "actors/directory/directory_document.hpp"
#include "messages/interfaces.hpp"
#include "net/crypto.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::actors {

struct directory_actor_settings {
  net::peer_id name; ///< daemon.name
  net::wg_private_key key;
  net::random_source secrets; ///< party secrets and nonces
  net::random_source jitter;  ///< seeded; for waits only
  net::random_source lan_secrets;
  net::random_source lan_jitter; ///< seeded; for waits only
  msg::wall_clock wall;
  /// Our key from now on; everything has to begin anew with it. May be empty.
  std::function<void(const net::wg_private_key&)> rotated{};
};

/// What the next incarnation continues from.
struct directory_memory {
  saved_directory saved; ///< last; empty: a first start
  std::uint64_t attempt = 0;
  std::vector<msg::directory_sink> subscribers;
  std::optional<msg::own_paths> paths;
  std::optional<msg::own_legs> legs;
};

/// The memory to start with, from the store document "directory" (empty: a first start). bad_state
/// when it cannot be read.
net::result<std::shared_ptr<directory_memory>> load_directory(std::string_view document);

/// The shell around directory_core. It opens the control link on its own while there are parties,
/// and tells subscribers what changes; attach_directory is answered with everything known. Parties
/// made or joined are answered when the server confirmed them (at most control_confirm_deadline).
msg::directory_actor spawn_directory(caf::actor_system& system, const msg::roles& roles,
                                     directory_actor_settings settings,
                                     std::shared_ptr<directory_memory> memory);

} // namespace lanrage::actors
