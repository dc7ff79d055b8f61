#pragma once

#include "messages/connections.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// The requests of docs/local-api.md as values. Pure.
namespace lanrage::actors::local {

struct ping {};
struct status {
  std::optional<net::peer_id> peer;
  std::optional<std::string> party; ///< of the peer
};
struct connect {
  msg::connect_peer what;
  std::chrono::milliseconds wait{15'000}; ///< zero: answer as soon as the attempt has begun
};
struct disconnect {
  msg::disconnect_peer what;
};
struct explain {
  msg::explain_peer what;
};
struct party_create {
  msg::party_create what;
};
struct party_join {
  msg::party_join what;
};
struct party_invite {
  msg::party_invite what;
};
struct party_leave {
  msg::party_leave what;
};
struct party_forget {
  msg::party_forget what;
};
struct key_rotate {};
struct party_list {};
struct watch {};

using request =
    std::variant<ping, status, connect, disconnect, explain, party_create, party_join, party_invite,
                 party_leave, party_forget, party_list, key_rotate, watch>;

/// bad_message with the field that is wrong: an unknown `op`, a missing or superfluous field, a
/// wrong type, a name that can be nobody's.
net::result<request> parse(std::string_view line);

} // namespace lanrage::actors::local
