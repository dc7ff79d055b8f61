#pragma once

#include "actors/wg/writer_effects.hpp"
#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <map>
#include <memory>

namespace lanrage::actors {

struct writer_settings {
  writer_timing timing;
};

/// What a restarted writer continues from.
struct writer_memory {
  writer_records records;
  std::map<net::wg_public_key, msg::wg_sink> sinks;
};

/// The only one that changes WireGuard, through roles.wg_device. Touches nothing until it is told
/// which interface shall be there.
msg::wireguard_writer_actor spawn_wireguard_writer(caf::actor_system& system,
                                                   const msg::roles& roles,
                                                   const writer_settings& settings,
                                                   std::shared_ptr<writer_memory> memory);

} // namespace lanrage::actors
