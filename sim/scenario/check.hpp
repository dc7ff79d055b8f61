#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Whether two runs write the same log, in memory that does not depend on how long it is.
namespace lanrage::sim::scenario {

/// Hashes of a log after every so many lines. The distance between them doubles whenever there
/// would be too many of them.
class digest {
 public:
  /// `line` with or without its line break, but always the same way.
  void add(std::string_view line);

  std::uint64_t lines() const { return lines_; }
  std::uint64_t hash() const { return hash_; }
  std::uint64_t gap() const { return gap_; }

  /// Lines (from 0) in which the first difference is, as far as the hashes tell.
  struct range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  friend std::optional<range> first_difference(const digest& one, const digest& other);

 private:
  static constexpr std::size_t marks_max = 4'096;

  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::uint64_t lines_ = 0;
  std::uint64_t gap_ = 64;
  std::vector<std::uint64_t> marks_; ///< [i]: behind (i + 1) * gap_ lines
};
std::optional<digest::range> first_difference(const digest& one, const digest& other);

/// A run that gives its log line by line.
using log_run = std::function<void(const std::function<void(std::string_view)>&)>;

digest digest_of(const log_run& run);

/// The first line that differs, with what stands around it.
struct difference {
  std::uint64_t line = 0;          ///< from 1; 0: it did not show again when both ran once more
  std::vector<std::string> before; ///< of both
  std::vector<std::string> one;    ///< from the line on; empty: that log has ended there
  std::vector<std::string> other;
};
inline constexpr std::size_t context_lines = 20;

/// Runs both again and looks closely.
difference look_closely(const log_run& one, const log_run& other, digest::range where);

} // namespace lanrage::sim::scenario
