#pragma once

#include <boost/json/object.hpp>

#include <string>

namespace lanrage::cli {

/// What this machine's network means for direct connections and what would make it better, in one
/// line. `self`: as `lanrage status --json` has it.
std::string netcheck_advice(const boost::json::object& self);

/// Whether a global IPv6 address of this machine is among its candidates.
bool has_ipv6(const boost::json::object& self);

} // namespace lanrage::cli
