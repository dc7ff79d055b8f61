#pragma once

#include "net/log_level.hpp"

namespace lanrage::net::os {

/// The log goes to standard error: standard output is for what scripts read. Logging never waits:
/// what nobody reads is lost, and the next line that somebody does read says how much.
void log_to_stderr(log_level level);

/// May be called at any time and from any thread.
void set_log_level(log_level level);

} // namespace lanrage::net::os
