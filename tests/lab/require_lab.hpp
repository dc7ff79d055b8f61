#pragma once

#include "lab/laboratory.hpp"
#include "tests/support/places.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace lanrage::lab {

/// First line of every laboratory test: `if (skipped(unavailable_reason())) return;`
inline bool skipped(const std::optional<std::string>& reason) {
  // At the start of a line: that is what the test runner looks for.
  if (reason) std::cout << "\nSKIPPED: " << *reason << std::endl;
  return bool(reason);
}

/// Why no party of real daemons can be run; implies wireguard_unavailable_reason().
inline std::optional<std::string> party_unavailable_reason() {
  if (auto reason = wireguard_unavailable_reason()) return reason;
  if (::access(places::program, X_OK) != 0) return "lanrage is not built";
  return std::nullopt;
}

/// What belongs to `./test full` alone, and why.
inline std::optional<std::string> unless_full(const std::string& why) {
  if (std::getenv("LANRAGE_FULL")) return std::nullopt;
  return why + ": ./test full";
}

} // namespace lanrage::lab
