#pragma once

#include "sim/scenario/script.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lanrage::sim::report {

/// Something that the scenario or its fault plan does to the world: a window, or a moment.
struct fault {
  duration from{};
  std::optional<duration> to; ///< absent: a moment
  std::string text;
  std::vector<std::uint32_t> members; ///< whom it is about; empty: everybody
  bool between = false;               ///< about what joins two members, and no other pair of theirs
  std::string detail{};               ///< all of it; empty: `text` says it
};

/// What the scenario and its plan do until `until`, by `from`. A link's window lasts as long as the
/// link is another than in the beginning.
std::vector<fault> faults_of(const scenario::script& of, duration until);

} // namespace lanrage::sim::report
