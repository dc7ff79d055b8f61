#pragma once

#include "messages/interfaces.hpp"
#include "net/errc.hpp"

#include <caf/fwd.hpp>

#include <filesystem>
#include <string>

namespace lanrage::actors {

/// Replaces `file` by `text` so that a crash leaves the old or the new, never half: written beside
/// it with mode 0600, synced, renamed. not_permitted, bad_state (disk full).
net::result<void> replace_file(const std::filesystem::path& file, const std::string& text);

/// The whole of a file of at most `limit` octets; bad_state when it cannot be read or is larger.
net::result<std::string> read_file(const std::filesystem::path& file, std::size_t limit);

/// Keeps documents as files of their names in a folder of ours.
msg::store_actor spawn_store_driver(caf::actor_system& system, std::filesystem::path folder);

} // namespace lanrage::actors
