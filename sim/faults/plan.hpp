#pragma once

#include "sim/faults/kinds.hpp"

#include <string>
#include <string_view>
#include <vector>

/// A fault plan: plain data. Names are those of the scenario; the file format is docs/faults.md.
namespace lanrage::sim::faults {

struct fault {
  int kind = 0;                ///< its id
  std::vector<std::string> on; ///< names; "all" is every one that it may aim at
  std::vector<std::string> to; ///< links: their other ends; empty: all there are
  duration start{};
  duration end{};                      ///< of an instant: `start`
  std::vector<std::int64_t> arguments; ///< as many as the kind has, in the table's order

  friend bool operator==(const fault&, const fault&) = default;
};

struct plan {
  std::uint64_t seed = 0; ///< of what the faults draw for themselves, beside the run's seed
  std::vector<fault> faults;

  friend bool operator==(const plan&, const plan&) = default;
};

/// What a plan may hold at most.
struct limits {
  static constexpr std::size_t faults = 1'000;
  static constexpr std::size_t names = 10'000; ///< of one fault
};

/// With every argument as usual.
fault make_fault(const kind& of, std::vector<std::string> on, duration start, duration end);
/// The argument of that name; a name that the kind has not is a defect (std::logic_error).
std::int64_t argument_of(const fault& of, std::string_view name);
void set_argument(fault& of, std::string_view name, std::int64_t value);
/// "20%", "1.5s", "4", "true", "flip".
std::string value_text(const argument& of, std::int64_t value);
/// One line: "F2 loss on alice to bob, 10s to 40s, share 20%, burst 4, way both".
std::string describe(const fault& of);

/// The file: a reader reads an equal plan from it. `heading`: lines of comments before it.
std::string to_toml(const plan& of, const std::vector<std::string>& heading = {});

} // namespace lanrage::sim::faults
