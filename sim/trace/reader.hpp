#pragma once

#include "sim/trace/hash.hpp"
#include "sim/trace/lines.hpp"
#include "sim/trace/values.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::sim::trace {

/// Reads a trace in one pass, in memory that depends on the number of links only. It accepts what
/// docs/traces.md describes and nothing else; whatever it accepts, a writer writes the same way.
/// A trace is good only when next() has returned nullopt: the trailer stands at the end.
class reader {
 public:
  /// Reads the header.
  static result<reader> open(const input& from);
  static result<reader> open(const std::filesystem::path& file);

  const header& head() const { return head_; }

  /// The next record, nullopt behind the last one once the trailer was right. After a problem
  /// there is no going on.
  result<std::optional<record>> next();

  /// Counts of what next() has returned so far.
  const totals& seen() const { return totals_; }
  std::uint64_t line() const { return lines_.line(); }
  const std::string& name() const { return lines_.name(); }

 private:
  reader(line_reader lines, header head, std::uint64_t hash);

  result<std::optional<record>> read_line(std::string_view line);
  result<record> read_link_record(char letter, std::string_view rest, nanoseconds time);
  result<record> start_block(std::string_view rest, nanoseconds time);
  result<record> next_cell();
  result<void> start_row();
  result<void> follow(const record& what);
  result<std::optional<record>> trailer(std::string_view line);

  line_reader lines_;
  header head_;
  std::size_t links_;
  std::uint64_t hash_;
  totals totals_;
  std::vector<bool> down_; ///< per link
  std::string text_;       ///< of the record last returned

  bool in_block_ = false;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  std::size_t cell_ = 0;
  std::string_view row_rest_; ///< of the row's line; empty: a new line is due
};

/// Reads a trace to its end: its counts, or what is wrong with it and where.
result<totals> check(const input& from);

} // namespace lanrage::sim::trace
