#pragma once

#include "net/errc.hpp"
#include "net/wg/state.hpp"

#include <string>
#include <string_view>

/// WireGuard's cross-platform configuration protocol, spoken over the socket of a userspace
/// interface (https://www.wireguard.com/xplatform/): lines "key=value", a blank line at the end.
namespace lanrage::net::wg {

inline constexpr std::string_view uapi_get = "get=1\n\n";

/// Whether `text` is a whole answer: it ends with the blank line.
bool uapi_complete(std::string_view text);

/// Overwrites every private and preshared key in the text of an answer. Call it before the text can
/// reach anybody: parsing does not need them.
void redact(std::string& answer);

/// Reads the answer to get=1. The protocol tells only the private key: `own` is derived from it, or
/// all zeros where there is none. Unknown lines are skipped, so that newer versions can add some.
/// Errors: wg_refused with the line's number, or the errno that WireGuard reported.
result<observation> parse_uapi(std::string_view answer);

/// Reads the answer to set=1: nothing, or wg_refused with WireGuard's errno.
std::optional<error> parse_uapi_set(std::string_view answer);

/// One endpoint change, or many in one write. Only peers that are there are touched.
std::string uapi_set_endpoints(const std::vector<change>& changes);

} // namespace lanrage::net::wg
