#pragma once

#include "config/settings.hpp"

#include <functional>

namespace lanrage::actors {

/// Reads the daemon's settings again, from where they came from.
using settings_source = std::function<net::result<config::daemon_settings>()>;

/// What SIGHUP does. Settings that can change while the daemon runs (daemon.log) take effect and
/// are noted in `running`; every other that differs is logged as "needs a restart: NAME", at each
/// reload until it is restarted. When the file cannot be used, its problems are logged, one per
/// line, and nothing changes.
void reload_settings(config::daemon_settings& running, const settings_source& read_again);

} // namespace lanrage::actors
