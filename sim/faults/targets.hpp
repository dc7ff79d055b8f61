#pragma once

#include "sim/faults/plan.hpp"
#include "sim/scenario/script.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::sim::faults {

/// Who plays in a scenario, by name.
class cast {
 public:
  explicit cast(const scenario::script& of);

  std::optional<scenario::thing> find(const std::string& name) const;
  /// Whether a fault of that kind may name it: "all", or something it aims at.
  bool may_aim(const kind& of, const std::string& name) const;
  /// Every name that the kind may aim at, in the scenario's order.
  std::vector<std::string> all_for(const kind& of) const;
  /// Those that `names` stand for, "all" resolved; unknown ones are left out.
  std::vector<scenario::thing> resolve(const kind& of, const std::vector<std::string>& names) const;

 private:
  std::vector<std::pair<std::string, scenario::thing>> in_order_;
  std::map<std::string, scenario::thing, std::less<>> by_name_;
};

/// Whether it can happen to that.
bool fits(const kind& of, scenario::kind what);

} // namespace lanrage::sim::faults
