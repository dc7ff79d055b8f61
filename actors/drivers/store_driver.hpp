#pragma once

#include "messages/interfaces.hpp"

#include <caf/fwd.hpp>

#include <filesystem>

namespace lanrage::actors {

/// Keeps documents as files of their names in a folder of ours.
msg::store_actor spawn_store_driver(caf::actor_system& system, std::filesystem::path folder);

} // namespace lanrage::actors
