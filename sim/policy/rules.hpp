#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lanrage::sim::policy {

using std::chrono::microseconds;

/// What a pair sees of one slice: per relay the round trips of both legs.
struct observed {
  std::chrono::nanoseconds time{}; ///< since the first slice
  std::span<const microseconds> near;
  std::span<const microseconds> far;
  std::size_t relay = 0; ///< in use
};

/// How one pair chooses its relay. It is told every slice in order, and has the next one on the
/// relay that it answers.
class rule {
 public:
  virtual ~rule() = default;
  virtual std::size_t next(const observed& slice) = 0;
};

struct named_rule {
  std::string name;
  std::function<std::unique_ptr<rule>(std::size_t relays)> make;
  bool reference = false; ///< on the curve that ours has to lie below
};

/// The reference from no switches to any gain; windowed medians; and the selector's own, last.
std::vector<named_rule> all_rules();

} // namespace lanrage::sim::policy
