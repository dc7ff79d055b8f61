#pragma once

#include "sim/trace/reader.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// The policy laboratory: recorded delays between many nodes, some of them taken for relays, pairs
/// of others that choose among them by different rules, and what each rule costs.
namespace lanrage::sim::policy {

using std::chrono::microseconds;

/// Round trips between every two nodes, slice by slice.
class mesh_recording {
 public:
  /// A trace of a mesh that consists of blocks (docs/traces.md). A lost cell counts as
  /// path_lost_as, one that is unknown as the one before it. One-way delays are added up.
  static trace::result<mesh_recording> read(const trace::input& from);

  std::size_t nodes() const { return nodes_; }
  std::size_t slices() const { return nodes_ == 0 ? 0 : cells_.size() / (nodes_ * nodes_); }
  std::chrono::nanoseconds interval() const { return interval_; }
  microseconds at(std::size_t slice, std::size_t a, std::size_t b) const {
    return microseconds{cells_[(slice * nodes_ + a) * nodes_ + b]};
  }
  /// Only the slices [first, last).
  mesh_recording part(std::size_t first, std::size_t last) const;
  /// Nodes by the median of all that they measured, nearest first.
  std::vector<std::size_t> by_median() const;

 private:
  trace::result<void> take(trace::reader& from);

  std::size_t nodes_ = 0;
  std::chrono::nanoseconds interval_{};
  std::vector<std::uint32_t> cells_; ///< microseconds; the diagonal is 0
};

} // namespace lanrage::sim::policy
