#pragma once

#include "net/control/invite.hpp"
#include "net/control/login.hpp"
#include "net/control/protocol.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What passes between the directory and its control link.
namespace lanrage::msg {

/// What proves our right to be in a party. The link turns it into a proof that belongs to its
/// TLS connection.
struct party_credential {
  net::party_id party;
  net::peer_id name; ///< the name we go by in it
  net::party_verifier verifier;
  std::optional<std::string> create; ///< make the party under this name if it is not there
};
/// Connect to the server and log in for these parties.
struct control_open {
  std::uint64_t attempt = 0; ///< echoed in everything heard, so that late news is dropped
  net::control::server_line server;
  std::vector<party_credential> parties;
  /// Present: log in as its new key, with the word of the old one. Else as the daemon's own.
  std::optional<net::control::key_change> change{};
};
/// Join or create a party over the open link.
struct control_join {
  party_credential party;
};
/// Any other request.
struct control_say {
  net::control::client_message message;
};
struct control_close {};

/// The link is up: the welcome, and the one-way delay as the handshakes showed it.
struct link_opened {
  net::control::welcome welcome;
  std::chrono::microseconds delay{};
};
/// The link is down, for good until the next control_open.
struct link_closed {
  net::error why;
};
struct control_heard {
  std::uint64_t attempt = 0;
  std::variant<link_opened, net::control::server_message, link_closed> what;
};

} // namespace lanrage::msg
