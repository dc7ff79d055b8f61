#pragma once

#include "config/settings.hpp"

namespace lanrage::actors {

/// `lanrage daemon`: runs in the foreground until SIGTERM or SIGINT (0), or until something cannot
/// be used or kept alive (1, the reason on standard error and in the log). WireGuard's interface
/// and sessions stay as they are in every case; the next start adopts them.
int run_daemon(const config::daemon_settings& settings);

} // namespace lanrage::actors
