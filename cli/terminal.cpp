#include "cli/terminal.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <ostream>

namespace lanrage::cli {
namespace {

std::string_view escape(style how) {
  switch (how) {
  case style::plain:
    return "";
  case style::strong:
    return "\x1b[1m";
  case style::good:
    return "\x1b[32m";
  case style::warning:
    return "\x1b[33m";
  case style::bad:
    return "\x1b[31m";
  case style::faint:
    return "\x1b[2m";
  }
  return "";
}

/// Columns on the screen: UTF-8's continuation octets take none. Names here are never double-width.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

} // namespace

bool wants_colors() {
  const char* off = std::getenv("NO_COLOR");
  if (off != nullptr && *off != '\0') return false;
  const char* term = std::getenv("TERM");
  if (term == nullptr || std::string_view{term} == "dumb") return false;
  return ::isatty(STDOUT_FILENO) == 1;
}

std::string styled(std::string_view text, style how, bool colors) {
  if (!colors || how == style::plain || text.empty()) return std::string{text};
  return std::string{escape(how)} + std::string{text} + "\x1b[0m";
}

std::string printable(std::string_view text, bool keep_lines) {
  std::string out{text};
  for (auto& c : out) {
    const auto octet = static_cast<unsigned char>(c);
    if ((octet < 0x20 || octet == 0x7f) && !(keep_lines && c == '\n')) c = '?';
  }
  // U+0080 to U+009F are control characters too; in UTF-8 they begin with C2.
  for (std::size_t i = 0; i + 1 < out.size(); ++i)
    if (out[i] == '\xc2' && static_cast<unsigned char>(out[i + 1]) < 0xa0) out.replace(i, 2, "?");
  return out;
}

void table::add(std::vector<cell> row) {
  assert(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

void table::print(std::ostream& out, bool colors) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto widest = width(columns_[i].title);
    for (const auto& row : rows_)
      widest = std::max(widest, width(row[i].text));
    widths.push_back(widest);
  }
  const auto line = [&](const std::vector<cell>& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i].text), ' ');
      const bool last = i + 1 == row.size();
      if (columns_[i].to == align::right) text += padding;
      text += styled(row[i].text, row[i].how, colors);
      if (!last) text += (columns_[i].to == align::left ? padding : "") + "  ";
    }
    // An empty last cell leaves the padding of those before it.
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  };
  std::vector<cell> titles;
  for (const auto& each : columns_)
    titles.push_back({each.title, style::strong});
  line(titles);
  for (const auto& row : rows_)
    line(row);
}

} // namespace lanrage::cli
