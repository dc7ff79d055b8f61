#pragma once

#include "sim/world/moment.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace lanrage::sim {

/// What happened, one line per event: "SECONDS.NANOSECONDS WHO WHAT ...". The same run writes the
/// same bytes; their rolling hash (FNV-1a, 64 bit) says so without keeping them.
class event_log {
 public:
  using sink = std::function<void(std::string_view line)>; ///< with its line break

  /// `text` is everything behind the time; line breaks in it become spaces.
  void write(time_point at, std::string_view text);
  /// Hears every line from now on; empty: nobody.
  void to(sink where) { sink_ = std::move(where); }
  /// The same for somebody who watches: without the time and the line break.
  void watched_by(sink watcher) { watcher_ = std::move(watcher); }

  std::uint64_t hash() const { return hash_; }
  std::uint64_t lines() const { return lines_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::uint64_t lines_ = 0;
  std::string line_; ///< kept for its buffer
  sink sink_;
  sink watcher_;
};

/// 16 lower-case hexadecimal digits, as in reports and golden files.
std::string hash_text(std::uint64_t hash);

} // namespace lanrage::sim
