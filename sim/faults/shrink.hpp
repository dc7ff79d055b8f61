#pragma once

#include "sim/faults/plan.hpp"

#include <cstdint>
#include <functional>
#include <optional>

namespace lanrage::sim::faults {

/// A run that fails, as far as shrinking changes it.
struct trial {
  plan what;
  duration until{};
  std::optional<std::uint32_t> count; ///< of each [[member]] with `count`, at most so many

  friend bool operator==(const trial&, const trial&) = default;
};

struct shrink_limits {
  std::uint32_t count = 0;      ///< the largest `count` in the scenario; 0: there is none
  std::size_t runs_max = 2'000; ///< then the best so far is the result
};

struct shrunk {
  trial best;
  std::size_t runs = 0; ///< that were made
  bool complete = true; ///< false: runs_max was reached
};

/// The smallest run that still fails in the same way, as far as this finds it: fewer faults (ddmin,
/// Zeller and Hildebrandt 2002), fewer of their targets, a shorter run, shorter windows, fewer
/// members. `fails`: whether a run fails in the same way; it is asked once per run. `first` must.
shrunk shrink(const trial& first, const std::function<bool(const trial&)>& fails,
              const shrink_limits& most);

} // namespace lanrage::sim::faults
