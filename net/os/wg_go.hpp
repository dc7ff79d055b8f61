#pragma once

#include "net/errc.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// WireGuard in userspace, where the kernel has none.
namespace lanrage::net::os {

/// The numbers in "wireguard-go v0.0.20220316", for comparison; empty when there are none.
std::vector<std::uint64_t> version_numbers(std::string_view text);

/// The newest wireguard-go in PATH and the usual places (a newer one is up to nine times faster).
std::optional<std::filesystem::path> newest_wireguard_go();

/// Starts wireguard-go for a new interface, in a session of its own with its output on /dev/null,
/// so that neither our death nor our terminal touches it. Returns once its link and its socket are
/// there. Errors: wg_unavailable when there is no wireguard-go, not_permitted, wg_refused with its
/// own words, timed_out.
result<void> start_wireguard_go(const std::string& interface);

} // namespace lanrage::net::os
