#pragma once

#include "actors/daemon/local_json.hpp"
#include "actors/daemon/local_server.hpp"
#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace lanrage::actors {

/// A request line of one client of the local socket.
struct api_asked {
  local_server::session from = 0;
  std::string line;
};
struct api_left {
  local_server::session from = 0;
};

/// Answers the local socket from what the supervisor and the directory say.
using local_api_actor =
    msg::event_sink::extend<caf::reacts_to<api_asked>, caf::reacts_to<api_left>>;

struct local_api_settings {
  daemon_facts facts;
  msg::wall_clock wall;
};

/// The server is told to bring its lines here.
local_api_actor spawn_local_api(caf::actor_system& system, const msg::roles& roles,
                                local_api_settings settings, std::shared_ptr<local_server> server);

} // namespace lanrage::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::api_asked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(lanrage::actors::api_left)
