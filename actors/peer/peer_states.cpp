#include "actors/peer/peer_states.hpp"

#include <array>

namespace lanrage::actors {

std::string_view to_string(wake_reason why) {
  static constexpr std::array<std::string_view, 7> names{"deadline", "probe", "check", "offer",
                                                         "punch",    "retry", "path"};
  return names[static_cast<std::size_t>(why)];
}

namespace {
constexpr std::size_t n = msg::phase_count;
// Rows: from; columns: to, both in the order of msg::phase.
constexpr std::array<std::array<bool, n>, n> table{{
    // dis neg cfg ver con deg tri rec fai clo
    {{0, 1, 0, 0, 0, 0, 0, 0, 1, 1}}, // discovering
    {{1, 0, 1, 1, 0, 0, 0, 0, 1, 1}}, // negotiating; discovering: it is offline, a user waits
    {{0, 0, 0, 1, 0, 0, 0, 1, 1, 1}}, // configuring
    {{0, 1, 0, 0, 1, 1, 0, 1, 1, 1}}, // verifying; negotiating: nothing there to adopt
    {{0, 0, 0, 0, 0, 1, 0, 1, 1, 1}}, // connected
    {{0, 0, 0, 0, 1, 0, 1, 1, 1, 1}}, // degraded
    {{0, 0, 0, 0, 1, 1, 0, 1, 1, 1}}, // trialling
    {{0, 0, 0, 0, 1, 1, 0, 1, 1, 1}}, // reconnecting; itself: the next attempt
    {{1, 0, 0, 1, 0, 0, 0, 0, 1, 1}}, // failed; verifying: WireGuard healed by itself
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, // closing
}};
} // namespace

bool legal(msg::phase from, msg::phase to) {
  return table[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

} // namespace lanrage::actors
