#pragma once

#include "net/os/https_guest.hpp"
#include "net/relay/server_flows.hpp"

#include <memory>
#include <string_view>

namespace lanrage::net::relay {

inline constexpr std::string_view stream_target = "/relay"; ///< docs/wire.md, "Relay streams"

/// Members' streams, behind that path of an HTTPS server: each becomes a WebSocket, whose binary
/// messages are datagrams for the relay behind `flows`. A stream decides nothing.
std::shared_ptr<os::https_guest> make_stream_guest(std::shared_ptr<flow_exchange> flows);

} // namespace lanrage::net::relay
