#pragma once

#include "messages/connections.hpp"
#include "net/errc.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The document in which connections survive the daemon: JSON, `{"version":1,"peers":[...]}`.
namespace lanrage::actors {

inline constexpr std::string_view saved_peers_document = "peers.json";
inline constexpr std::size_t saved_peers_max_octets = 16 * 1024 * 1024;
inline constexpr std::size_t saved_peers_max = 16'000;

std::string encode_saved_peers(const std::vector<msg::saved_peer>& peers);
/// bad_state with the place of the first thing that is not as it must be; nothing is guessed.
net::result<std::vector<msg::saved_peer>> decode_saved_peers(std::string_view text);

} // namespace lanrage::actors
