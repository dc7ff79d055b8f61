#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::cli {

enum class style { plain, strong, good, warning, bad, faint };

/// Whether standard output is a terminal that wants colours: not with NO_COLOR set to anything
/// (no-color.org) and not with TERM=dumb.
bool wants_colors();

/// The text in the style's colour, or as it is.
std::string styled(std::string_view text, style how, bool colors);

/// Text from elsewhere, harmless to a terminal: control characters become '?'. Line breaks stay
/// when asked for.
std::string printable(std::string_view text, bool keep_lines = false);

struct cell {
  std::string text;
  style how = style::plain;
};

/// Columns as wide as their widest cell, two spaces between them; the last is not padded.
class table {
 public:
  enum class align { left, right };
  struct column {
    std::string title;
    align to = align::left;
  };
  explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

  /// As many cells as columns.
  void add(std::vector<cell> row);
  void print(std::ostream& out, bool colors) const;

 private:
  std::vector<column> columns_;
  std::vector<std::vector<cell>> rows_;
};

} // namespace lanrage::cli
