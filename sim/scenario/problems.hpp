#pragma once

#include "sim/scenario/script.hpp"

#include <string>
#include <vector>

namespace lanrage::sim::scenario {

/// What is wrong with a scenario, each with its place; nothing is given up at the first one.
class problems {
 public:
  void add(place where, const std::string& found, const std::string& expected);

  bool any() const { return !all_.empty(); }
  std::size_t count() const { return all_.size() + left_out_; }
  /// One line each, "FILE:LINE:COLUMN: found X, expected Y", in the order of the file.
  std::vector<std::string> lines(const std::string& file) const;

 private:
  struct entry {
    place where;
    std::string text;
  };
  std::vector<entry> all_;
  std::size_t left_out_ = 0;
};

} // namespace lanrage::sim::scenario
