#pragma once

#include "net/errc.hpp"

#include <chrono>
#include <optional>
#include <string_view>

/// What the daemon owes the system that runs it.
namespace lanrage::actors {

/// Tells systemd ("READY=1", "STOPPING=1", "WATCHDOG=1"); nothing when not run by it
/// (sd_notify(3): a datagram to $NOTIFY_SOCKET).
void notify_service_manager(std::string_view state);

/// Tells it that settings are being read again; READY=1 says that it is done (sd_notify(3),
/// "RELOADING=1" with the time of the monotonic clock in MONOTONIC_USEC).
void notify_reloading();

/// How often systemd wants to hear WATCHDOG=1: half of $WATCHDOG_USEC.
std::optional<std::chrono::milliseconds> watchdog_interval();

/// Keeps CAP_NET_ADMIN and CAP_NET_RAW, which drivers need again whenever they restart, and gives
/// up every other capability, for our children too. Nothing to do without privileges.
net::result<void> drop_capabilities();

} // namespace lanrage::actors
