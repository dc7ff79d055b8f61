#pragma once

#include "sim/world/control_site.hpp"
#include "sim/world/machine.hpp"
#include "sim/world/stream_net.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace lanrage::sim {

/// One incarnation of a member's daemon, as its drivers see it. Killed, they reach nothing any
/// more, whatever its actors still do: as after SIGKILL.
struct daemon_process {
  machine* on = nullptr;
  std::map<std::string, control_site*> servers; ///< by the host in the server line
  stream_net* streams = nullptr;
  std::map<net::relay_id, relay_site*> relays;
  net::wg_private_key key;
  bool alive = true;
};

} // namespace lanrage::sim
