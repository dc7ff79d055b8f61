#pragma once

#include "net/crypto.hpp"
#include "net/keys.hpp"

#include <filesystem>
#include <string>

namespace lanrage::net::control {

/// What makes a control server the same one after a restart.
struct server_identity {
  login_private_key login; ///< its public half is in every invite
  token_private_key token; ///< relays know its public half
  std::string pem;         ///< private key and self-signed certificate (EC P-256)
  certificate_pin pin;
};

/// Reads login.key, token.key and server.pem of the directory; makes what is missing, with mode
/// 0600 (the directory: 0700). bad_state when a file is there but cannot be read, not_permitted
/// when others can read it: nothing is ever replaced, since every invite depends on it.
result<server_identity> load_identity(const std::filesystem::path& directory,
                                      const random_source& random);

} // namespace lanrage::net::control
