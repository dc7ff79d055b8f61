#include "net/os/counters_file.hpp"

#include "net/os/files.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace lanrage::net::os {
namespace {
constexpr unsigned public_mode = 0644;
} // namespace

void write_counters(disk_worker& disk, const std::filesystem::path& folder, std::string json,
                    std::string who) {
  disk.post([to = folder / "counters.json", json = std::move(json), who = std::move(who)] {
    if (const auto done = replace_file(to, as_bytes(json), public_mode); !done)
      spdlog::error("{}: {}", who, to_string(done.error()));
  });
}

} // namespace lanrage::net::os
