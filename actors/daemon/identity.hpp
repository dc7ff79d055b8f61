#pragma once

#include "net/crypto.hpp"
#include "net/errc.hpp"
#include "net/keys.hpp"

#include <filesystem>

namespace lanrage::actors {

/// Makes the state folder (0700) when it is not there; not_permitted, bad_state.
net::result<void> prepare_folder(const std::filesystem::path& folder);

/// The member's WireGuard key, from a file as `wg` reads it (base64 and a line break, 0600); made
/// on the first start. bad_key when the file holds no key; a file others can read is refused with
/// not_permitted rather than used.
net::result<net::wg_private_key> load_or_make_key(const std::filesystem::path& file,
                                                  const net::random_source& random);

} // namespace lanrage::actors
