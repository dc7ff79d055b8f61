#pragma once

#include "net/errc.hpp"
#include "net/wg/commands.hpp"
#include "net/wg/state.hpp"

#include <filesystem>
#include <string>
#include <vector>

/// `wg` and `ip` as functions. Each call is a process: 2 to 4 ms. Errors: wg_unavailable when the
/// program is not installed, not_permitted, wg_refused with the program's own words, timed_out.
namespace lanrage::net::os {

/// `wg show INTERFACE dump`, for kernel interfaces, which have no socket.
result<wg::observation> wg_show(const std::string& interface);

/// Runs prepared `wg set` calls in order and stops at the first that fails.
result<void> wg_set(const std::vector<wg::arguments>& calls);

/// Sets key, port and mark of a new interface. Never for an adopted one: wireguard-go opens its
/// port anew even when the number stays.
result<void> wg_set_identity(const std::string& interface, const std::filesystem::path& key_file,
                             std::uint16_t listen_port, std::uint32_t fwmark);
result<void> wg_set_fwmark(const std::string& interface, std::uint32_t fwmark);

/// `ip ARGUMENTS...`
result<void> ip(const std::vector<std::string>& arguments);

/// How many `wg` processes this process has started, for the benchmark and its test.
std::uint64_t wg_calls();

} // namespace lanrage::net::os
