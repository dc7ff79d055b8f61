#pragma once

#include "sim/policy/mesh_recording.hpp"
#include "sim/policy/rules.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace lanrage::sim::policy {

/// The defaults are those of the reference figures (docs/simulation.md).
struct laboratory_options {
  std::uint64_t seed = 1;
  std::size_t draws = 3;
  std::size_t relays = 8;
  std::size_t among = 40; ///< nodes with the lowest medians that relays are drawn from
  std::size_t pairs = 400;
};

/// Who is a relay, and who talks to whom.
struct draw {
  std::vector<std::size_t> relays;
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
};
/// Numbers `first` and following of the seed. Fewer relays than asked for if there are not enough
/// nodes for a pair beside them.
std::vector<draw> draws_of(const mesh_recording& from, const laboratory_options& how,
                           std::size_t first = 0);

/// What a rule costs. Regret: round trip over the relay in use minus that over the relay that
/// turned out to be best in the same slice.
struct figures {
  std::string name;
  bool reference = false;
  microseconds mean{};              ///< regret of all pairs and slices
  microseconds p99{};               ///< the same, sorted[n * 99 / 100]
  std::uint64_t switches_milli = 0; ///< a thousandth of a switch, per pair
};
/// A pair begins with the best relay of the first slice, which counts for nothing; decisions have
/// only slices before the one that they are for.
figures measure(const mesh_recording& on, const std::vector<draw>& draws, const named_rule& rule);

/// The least mean regret that any choice could have had with so many switches per pair on average,
/// knowing everything but beginning where all begin: the limit.
microseconds hindsight(const mesh_recording& on, const std::vector<draw>& draws,
                       std::uint64_t switches_milli);

struct table {
  std::string name; ///< "all", "fit", "held out"
  std::size_t first_slice = 0;
  std::size_t slices = 0;
  std::vector<figures> rows; ///< as all_rules(); ours is the last
  microseconds limit{};      ///< hindsight at our number of switches
  /// The reference curve there: linear between its points. Absent if it has none there.
  std::optional<microseconds> curve;
  const figures& ours() const { return rows.back(); }
  /// By how much our mean is below the curve, in thousandths of it; negative above.
  std::optional<std::int64_t> below_permille() const;
};
table tabulate(std::string name, const mesh_recording& on, const std::vector<draw>& draws);

/// One table of everything; with `split` also one of the first half of the slices and, with other
/// draws, one of the second.
std::vector<table> experiment(const mesh_recording& on, const laboratory_options& how, bool split);

} // namespace lanrage::sim::policy
