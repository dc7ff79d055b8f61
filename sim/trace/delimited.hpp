#pragma once

#include "sim/trace/import.hpp"
#include "sim/trace/lines.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What the importers of delimited text share.
namespace lanrage::sim::trace {

/// The fields of one line, with the blanks around them gone.
class fields {
 public:
  explicit fields(char delimiter) : delimiter_(delimiter) {}

  /// At most `most` fields are cut off the line. False: a quoted field that does not end well.
  bool cut(std::string_view line, std::size_t most);
  std::size_t size() const { return found_.size(); }
  std::string_view operator[](std::size_t at) const { return found_[at]; }

 private:
  bool take(std::string_view& rest);
  bool take_quoted(std::string_view& rest);

  char delimiter_;
  std::vector<std::string_view> found_;
  std::vector<std::string> unescaped_; ///< fields with a quote inside
};

/// Lines of a delimited text behind its header line. Blank lines at the end are no lines.
class table_reader {
 public:
  static result<table_reader> open(const input& from, const delimited_options& how,
                                   const std::vector<const column_name*>& wanted);

  /// False at the end. The wanted columns of the line are cell(0), cell(1)...
  result<bool> next();
  std::string_view cell(std::size_t wanted) const { return fields_[places_[wanted]]; }
  problem bad(std::string found, std::string expected) const {
    return lines_.bad(std::move(found), std::move(expected));
  }
  /// "column 'rtt': 'x'", for messages.
  std::string described(std::size_t wanted) const;
  std::uint64_t line() const { return lines_.line(); }

 private:
  table_reader(line_reader lines, char delimiter) : lines_(std::move(lines)), fields_(delimiter) {}
  result<void> find(const column_name& wanted, bool header);

  line_reader lines_;
  fields fields_;
  std::vector<std::size_t> places_;
  std::vector<std::string> names_;
  std::size_t needed_ = 0; ///< fields per line
};

/// What a cell says.
struct cell_value {
  record_kind kind = record_kind::sample; ///< sample, lost or unknown
  nanoseconds value{};
};

/// Understands cells: codes first, then decimal numbers of the unit.
class cell_reader {
 public:
  cell_reader(unit of, const cell_codes& codes);

  /// Nothing if it is neither a code nor a number of 0 to limits::value.
  std::optional<cell_value> read(std::string_view cell) const;
  /// For messages.
  std::string expected() const;

 private:
  struct code {
    std::string text;
    std::optional<std::int64_t> number;
    record_kind kind;
  };
  unit unit_;
  std::vector<code> codes_;
};

/// Why a cell was not measured, as the trace says it: the code itself, or "unmeasured" for none.
std::string_view why_unknown(std::string_view cell);

} // namespace lanrage::sim::trace
