#pragma once

#include <chrono>

/// How soon the program looks again after it was hindered or missed something. As defaults.hpp:
/// each with its unit and source.
namespace lanrage::config::defaults {

/// Making WireGuard's interface is tried at least this often (the first waits are wg_retry_after,
/// doubling): whoever negotiates (negotiate_deadline) has to find it once it can be had. Ours.
inline constexpr std::chrono::seconds wg_ensure_max{5};
/// A member that finds out that it missed news of the control server asks for everything anew, at
/// most this often: what makes it do so is said by others. Ours.
inline constexpr std::chrono::seconds control_resync_gap{60};

} // namespace lanrage::config::defaults
