#pragma once

#include "actors/peer/peer_states.hpp"

#include <optional>
#include <vector>

namespace lanrage::actors {

/// Where the initiator moves a connection that stopped answering: the best relay other than the
/// one that just failed; a proven direct path when a relay failed and no other is there; else the
/// same again. Relays are not yet handed the session's indices, so every move of a repair is a new
/// handshake.
std::optional<path> repair_path(const std::optional<path>& failing,
                                const std::vector<msg::relay_choice>& ranking,
                                const std::optional<path>& direct);

/// What a responder asks of the initiator at this attempt: first only to look at the path, since
/// it may have noticed nothing; then to make the session anew.
bool asks_for_new_session(int attempt);

} // namespace lanrage::actors
