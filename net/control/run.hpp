#pragma once

#include "config/settings.hpp"
#include "net/control/server.hpp"

#include <string>

namespace lanrage::net::control {

/// What an administrator needs of a running server: server line and token key. As a sentence per
/// line, or as one JSON line {"control":"ready","listen":..,"server_line":..,"token_key":..}.
std::string describe(const control_server& server, bool json);

/// `lanrage control`: serves until SIGTERM or SIGINT; prints `describe` when ready. The exit code:
/// 0 stopped, 1 failed, 2 unusable settings.
int run_control(const config::control_settings& settings, bool json = false);

} // namespace lanrage::net::control
