#include "actors/daemon/reload.hpp"

#include "config/keys.hpp"
#include "net/os/log.hpp"

#include <spdlog/spdlog.h>

#include <sstream>

namespace lanrage::actors {

namespace {

std::vector<std::string> changes(const config::daemon_settings& before,
                                 const config::daemon_settings& after) {
  config::settings all_before = config::default_settings();
  config::settings all_after = all_before;
  all_before.daemon = before;
  all_after.daemon = after;
  return config::changed_keys(all_before, all_after);
}

} // namespace

void reload_settings(config::daemon_settings& running, const settings_source& read_again) {
  const auto read = read_again();
  if (!read) {
    spdlog::error("daemon: the settings stay as they are; those of the file cannot be used:");
    std::istringstream lines{read.error().detail};
    for (std::string line; std::getline(lines, line);)
      spdlog::error("daemon: {}", line);
    return;
  }
  // Said at the more talkative of the two levels, so that it is seen.
  if (read->log < running.log) net::os::set_log_level(read->log);
  const auto changed = changes(running, *read);
  spdlog::info("daemon: settings read again, {} changed", changed.size());
  for (const auto& name : changed) {
    if (name == "daemon.log")
      spdlog::info("daemon: in effect: {}", name);
    else
      spdlog::warn("daemon: needs a restart: {}", name);
  }
  net::os::set_log_level(read->log);
  running.log = read->log;
}

} // namespace lanrage::actors
