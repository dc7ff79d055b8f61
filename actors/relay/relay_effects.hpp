#pragma once

#include "messages/values.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lanrage::actors {

/// What the relay cores want done, in this order. The caller executes and forgets.
struct relay_effects {
  std::vector<msg::send_frame> frames;
  std::optional<msg::own_legs> publish;     ///< our registrations, when they changed
  std::vector<std::string> news;            ///< for `watch` and the log, one sentence each
  std::vector<msg::prepare_relay> prepared; ///< the relay has confirmed
  std::vector<msg::open_stream> open;
  std::vector<net::relay_id> close; ///< streams that nobody needs
};

} // namespace lanrage::actors
