#include "sim/trace/delimited.hpp"

#include <algorithm>

namespace lanrage::sim::trace {
namespace {

constexpr std::string_view blanks = " \t";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

constexpr std::size_t most_fields = 4'096;

} // namespace

bool fields::cut(std::string_view line, std::size_t most) {
  found_.clear();
  unescaped_.clear();
  unescaped_.reserve(std::min(most, most_fields)); // views into it must stay
  auto rest = delimiter_ == ' ' ? trimmed(line) : line;
  while (found_.size() < most) {
    std::size_t start = 0;
    while (start < rest.size() && is_blank(rest[start]) && rest[start] != delimiter_)
      ++start;
    const bool is_quoted = delimiter_ != ' ' && start < rest.size() && rest[start] == '"';
    if (is_quoted) rest.remove_prefix(start);
    const bool more = is_quoted ? take_quoted(rest) : take(rest);
    if (is_quoted && !found_.back().data()) return false;
    if (!more) return true;
  }
  return true;
}

/// Cuts one field off; true if another follows.
bool fields::take(std::string_view& rest) {
  const auto cut = delimiter_ == ' ' ? rest.find_first_of(blanks) : rest.find(delimiter_);
  found_.push_back(trimmed(rest.substr(0, cut)));
  if (cut == std::string_view::npos) return false;
  rest.remove_prefix(cut + 1);
  if (delimiter_ == ' ') rest = trimmed(rest);
  return true;
}

/// The same for a field in quotes. A null field: the quotes do not end, or text follows them.
bool fields::take_quoted(std::string_view& rest) {
  const auto give_up = [&] {
    found_.push_back({});
    return false;
  };
  std::size_t at = 1;
  bool escapes = false;
  for (;;) {
    at = rest.find('"', at);
    if (at == std::string_view::npos) return give_up();
    if (at + 1 >= rest.size() || rest[at + 1] != '"') break;
    escapes = true;
    at += 2;
  }
  auto inside = rest.substr(1, at - 1);
  if (escapes) {
    std::string text;
    for (std::size_t i = 0; i < inside.size(); ++i) {
      text += inside[i];
      if (inside[i] == '"') ++i;
    }
    inside = unescaped_.emplace_back(std::move(text));
  }
  rest.remove_prefix(at + 1);
  const auto next = rest.find(delimiter_);
  if (!trimmed(rest.substr(0, next)).empty()) return give_up();
  found_.push_back(inside);
  if (next == std::string_view::npos) return false;
  rest.remove_prefix(next + 1);
  return true;
}

result<table_reader> table_reader::open(const input& from, const delimited_options& how,
                                        const std::vector<const column_name*>& wanted) {
  auto lines = line_reader::open(from, line_reader::ends::any);
  if (!lines) return lines.error();
  table_reader out{std::move(*lines), how.delimiter};
  const bool named = std::any_of(wanted.begin(), wanted.end(),
                                 [](const column_name* each) { return !parse_count(each->text); });
  const bool header = how.header || named;
  if (header) {
    const auto line = out.lines_.next();
    if (!line) return line.error();
    if (!*line) return out.bad("an empty file", "a header line");
    if (!out.fields_.cut(**line, most_fields))
      return out.bad(in_quotes(**line), "names; a quoted one ends with its quote");
    for (std::size_t i = 0; i < out.fields_.size(); ++i)
      out.names_.emplace_back(out.fields_[i]);
  }
  for (const auto* each : wanted)
    if (const auto found = out.find(*each, header); !found) return found.error();
  return out;
}

result<void> table_reader::find(const column_name& wanted, bool header) {
  std::size_t place = 0;
  const auto number = parse_count(wanted.text);
  const auto named = std::find(names_.begin(), names_.end(), wanted.text);
  if (header && named != names_.end()) {
    if (std::find(named + 1, names_.end(), wanted.text) != names_.end())
      return bad("two columns " + in_quotes(wanted.text), "one, or its number");
    place = static_cast<std::size_t>(named - names_.begin());
  } else if (number && *number >= 1 && *number <= static_cast<std::int64_t>(most_fields)) {
    place = static_cast<std::size_t>(*number - 1);
  } else {
    return bad("no column " + in_quotes(wanted.text),
               "its name in the first line, or its number from 1");
  }
  places_.push_back(place);
  needed_ = std::max(needed_, place + 1);
  return {};
}

result<bool> table_reader::next() {
  std::uint64_t blank = 0;
  for (;;) {
    const auto line = lines_.next();
    if (!line) return line.error();
    if (!*line) return false;
    if (trimmed(**line).empty()) {
      blank = blank ? blank : lines_.line();
      continue;
    }
    if (blank)
      return problem{
          lines_.name(), blank, "a blank line between others", "a line of the table", {}};
    if (!fields_.cut(**line, needed_))
      return bad(in_quotes(**line), "a quoted field to end with its quote");
    if (fields_.size() < needed_)
      return bad(std::to_string(fields_.size()) + " columns in " + in_quotes(**line),
                 "at least " + std::to_string(needed_));
    return true;
  }
}

std::string table_reader::described(std::size_t wanted) const {
  const auto place = places_[wanted];
  const auto name = place < names_.size() ? in_quotes(names_[place]) : std::to_string(place + 1);
  return in_quotes(cell(wanted)) + " in column " + name;
}

cell_reader::cell_reader(unit of, const cell_codes& codes) : unit_(of) {
  for (const auto& text : codes.lost)
    codes_.push_back({text, parse_decimal(text, digits_of(of)), record_kind::lost});
  for (const auto& text : codes.unknown)
    codes_.push_back({text, parse_decimal(text, digits_of(of)), record_kind::unknown});
}

std::optional<cell_value> cell_reader::read(std::string_view cell) const {
  const auto number = parse_decimal(cell, digits_of(unit_));
  for (const auto& each : codes_)
    if (each.text == cell || (number && each.number == number)) return cell_value{each.kind, {}};
  if (!number || *number < 0 || *number > limits::value.count()) return {};
  return cell_value{record_kind::sample, nanoseconds{*number}};
}

std::string cell_reader::expected() const {
  std::string out = "a latency of 0 to 1 h";
  for (const auto& each : codes_)
    out +=
        ", " + in_quotes(each.text) + (each.kind == record_kind::lost ? " (lost)" : " (unknown)");
  return out + (codes_.empty() ? " (no lost or unknown values are given)" : "");
}

std::string_view why_unknown(std::string_view cell) {
  return cell.empty() ? "unmeasured" : cell;
}

} // namespace lanrage::sim::trace
