#pragma once

#include "net/os/disk_worker.hpp"

#include <filesystem>
#include <string>

namespace lanrage::net::os {

/// Replaces counters.json (0644) in a server's folder, as soon as the disk has time. What fails is
/// logged in the name of `who`.
void write_counters(disk_worker& disk, const std::filesystem::path& folder, std::string json,
                    std::string who);

} // namespace lanrage::net::os
