#include "messages/connections.hpp"

#include <array>

namespace lanrage::msg {

std::string_view to_string(strategy how) {
  return how == strategy::direct ? "direct" : "relay";
}

std::string_view to_string(phase where) {
  static constexpr std::array<std::string_view, phase_count> names{
      "discovering", "negotiating", "configuring",  "verifying", "connected",
      "degraded",    "trialling",   "reconnecting", "failed",    "closing"};
  return names[static_cast<std::size_t>(where)];
}

std::string_view to_string(status what) {
  static constexpr std::array<std::string_view, 4> names{"connecting", "connected", "degraded",
                                                         "failed"};
  return names[static_cast<std::size_t>(what)];
}

status status_of(phase where, bool last_rtt_degraded) {
  switch (where) {
  case phase::discovering:
  case phase::negotiating:
  case phase::configuring:
  case phase::verifying:
    return status::connecting;
  case phase::connected:
    return status::connected;
  case phase::trialling:
    return last_rtt_degraded ? status::degraded : status::connected;
  case phase::degraded:
  case phase::reconnecting:
    return status::degraded;
  case phase::failed:
  case phase::closing:
    return status::failed;
  }
  return status::failed;
}

} // namespace lanrage::msg
