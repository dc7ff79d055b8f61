#pragma once

#include "sim/scenario/script.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lanrage::sim::report {

/// Something that the scenario does to the world: a window, or a moment.
struct fault {
  duration from{};
  std::optional<duration> to; ///< absent: a moment
  std::string text;
  std::vector<std::uint32_t> members; ///< whom it is about; empty: everybody
};

/// What the scenario does until `until`, by `from`. A link's window lasts as long as the link is
/// another than in the beginning.
std::vector<fault> faults_of(const scenario::script& of, duration until);

} // namespace lanrage::sim::report
