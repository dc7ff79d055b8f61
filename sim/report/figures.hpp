#pragma once

#include "sim/report/run_record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace lanrage::sim::report {

/// Values and for how many microseconds each of them held, or how often it came.
class distribution {
 public:
  void add(duration value, std::int64_t weight = 1);
  void add(const distribution& other);
  bool empty() const { return whole_ == 0; }
  std::int64_t weight() const { return whole_; }
  duration mean() const;
  /// The smallest value that at least so much of the weight does not exceed.
  duration quantile(std::int64_t ppm) const;
  duration most() const;
  const std::map<duration, std::int64_t>& values() const { return values_; }

 private:
  std::map<duration, std::int64_t> values_;
  std::int64_t whole_ = 0;
};

/// What there is to say about a pair. Times count from its first connect to the run's end.
struct pair_figures {
  std::size_t pair = 0;                  ///< number in run_record::pairs
  std::optional<duration> first_connect; ///< how long it took
  duration joined{};                     ///< both daemons ran, and had connected since they did
  duration direct{};
  duration relayed{};
  duration outage{};          ///< of `joined`: no packet got through
  duration longest_outage{};  ///< in one piece
  std::uint64_t switches = 0; ///< moves of the first member's packets to another path
  distribution regret;        ///< round trip used, less the best one possible at that moment
  distribution over_relay;    ///< while relayed: less that of the best relay
};

struct figures {
  std::vector<pair_figures> pairs; ///< in the record's order
  distribution connects;           ///< every connect of every pair
  distribution regret;
  distribution over_relay;
  std::uint64_t connected = 0; ///< pairs that ever were
  std::uint64_t switches = 0;
};

figures figures_of(const run_record& of);

/// The pairs' numbers in `figures::pairs`, the worst first: never connected, outage, regret.
std::vector<std::size_t> worst_first(const figures& of);

} // namespace lanrage::sim::report
