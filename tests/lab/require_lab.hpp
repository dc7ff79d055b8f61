#pragma once

#include "lab/laboratory.hpp"

#include <iostream>

namespace lanrage::lab {

/// First line of every laboratory test: `if (skipped(unavailable_reason())) return;`
inline bool skipped(const std::optional<std::string>& reason) {
  // At the start of a line: that is what the test runner looks for.
  if (reason) std::cout << "\nSKIPPED: " << *reason << std::endl;
  return bool(reason);
}

} // namespace lanrage::lab
