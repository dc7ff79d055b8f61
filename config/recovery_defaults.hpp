#pragma once

#include <chrono>

/// How soon the program looks again after it was hindered or missed something. As defaults.hpp:
/// each with its unit and source.
namespace lanrage::config::defaults {

/// Making WireGuard's interface is tried at least this often (the first waits are wg_retry_after,
/// doubling): whoever negotiates (negotiate_deadline) has to find it once it can be had. Ours.
inline constexpr std::chrono::seconds wg_ensure_max{5};

} // namespace lanrage::config::defaults
