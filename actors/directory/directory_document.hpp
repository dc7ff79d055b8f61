#pragma once

#include "messages/values.hpp"
#include "net/boxed.hpp"
#include "net/control/invite.hpp"
#include "net/control/login.hpp"
#include "net/control/protocol.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the directory remembers over restarts, and its text (the store document "directory").
namespace lanrage::actors {

inline constexpr std::string_view directory_document_name = "directory.json";

struct saved_member {
  /// As received: signed by the member, so still provable. Never absent.
  net::shared<net::control::sealed_record> envelope;
  msg::unix_ms heard{};          ///< last confirmed by the control server
  std::uint64_t sequence = 0;    ///< of the last signal taken from it
  std::uint64_t lan_counter = 0; ///< of its last announcement heard
};
struct saved_party {
  std::string name;
  net::peer_id as; ///< our name in it
  net::party_secret secret;
  bool leaving = false; ///< left here, the server does not know yet
  std::vector<saved_member> members;
};
struct saved_directory {
  std::optional<net::control::server_line> server;
  net::virtual_ip address;         ///< our lease
  std::uint64_t last_version = 0;  ///< of our own records
  std::uint64_t last_sequence = 0; ///< of our own signals
  std::uint64_t lan_counter = 0;   ///< none of our announcements has a higher one
  /// To the present key, or from it: under way. What the old one had is claimed at every login.
  std::optional<net::control::key_change> change;
  std::vector<saved_party> parties;
  std::vector<net::relay_info> relays;
  std::vector<net::bytes> tokens;
};

/// The key whose place this one has taken, as the document says.
std::optional<net::wg_public_key> former_key(std::string_view document,
                                             const net::wg_public_key& own);

std::string to_text(const saved_directory& saved);
/// An empty text is a first start; bad_state when it cannot be understood.
net::result<saved_directory> parse_directory(std::string_view text);

} // namespace lanrage::actors
