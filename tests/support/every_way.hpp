#pragma once

#include <cstddef>
#include <vector>

namespace lanrage::test {

/// Every way in which a run may go whose choices are made one after the other, depth first:
///
///   every_way ways;
///   do { ... ways.choose(3) ... } while (ways.next());
///
/// A run may make other choices after others, and as many as it likes.
class every_way {
 public:
  /// One of 0 .. options - 1. The same run makes the same choices.
  std::size_t choose(std::size_t options) {
    if (at_ == made_.size()) made_.push_back({0, options});
    return made_[at_++].chosen;
  }
  /// To the next way; false: that was the last one.
  bool next() {
    at_ = 0;
    while (!made_.empty() && ++made_.back().chosen == made_.back().options)
      made_.pop_back();
    return !made_.empty();
  }

 private:
  struct choice {
    std::size_t chosen = 0;
    std::size_t options = 0;
  };
  std::vector<choice> made_;
  std::size_t at_ = 0;
};

} // namespace lanrage::test
