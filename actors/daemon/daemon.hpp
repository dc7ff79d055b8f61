#pragma once

#include "actors/daemon/reload.hpp"
#include "config/settings.hpp"

namespace lanrage::actors {

/// `lanrage daemon`: runs in the foreground until SIGTERM or SIGINT, or until something cannot be
/// used or kept alive, which is the error. SIGHUP reloads the settings. WireGuard's interface and
/// sessions stay as they are in every case; the next start adopts them.
net::result<void> run_daemon(const config::daemon_settings& settings,
                             const settings_source& read_again);

} // namespace lanrage::actors
