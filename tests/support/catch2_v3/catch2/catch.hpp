// Catch2 v3 (Debian 13, Ubuntu 24.04) has no header of this name. CMake puts this folder on the
// tests' include path there, so that they are written once, for v2 (Debian 12).
#pragma once

#include <catch2/catch_all.hpp>

namespace Catch {

using Matchers::Matches;
using Matchers::StartsWith;
/// In v3 the matcher of this name is about elements of ranges.
inline auto Contains(const std::string& part) {
  return Matchers::ContainsSubstring(part);
}

} // namespace Catch
