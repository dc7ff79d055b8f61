#include "sim/trace/reader.hpp"

#include "sim/trace/header_text.hpp"
#include "sim/trace/numbers.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/writer.hpp"

namespace lanrage::sim::trace {
namespace {

constexpr const char* a_record =
    "a record (s l u d r m x) or the trailer 'end ...'"; // of version 1

/// Cuts the word before the next blank off `rest`.
std::string_view cut_word(std::string_view& rest) {
  const auto cut = rest.find(' ');
  const auto word = rest.substr(0, cut);
  rest = cut == std::string_view::npos ? std::string_view{} : rest.substr(cut + 1);
  return word;
}

std::optional<nanoseconds> parse_value(std::string_view word) {
  const auto value = parse_count(word);
  if (!value || *value > limits::value.count()) return {};
  return nanoseconds{*value};
}

std::string value_rule() {
  return "nanoseconds, a whole number from 0 to " + std::to_string(limits::value.count());
}

} // namespace

reader::reader(line_reader lines, header head, std::uint64_t hash)
    : lines_(std::move(lines)), head_(std::move(head)), links_(head_.link_count()), hash_(hash),
      down_(links_) {}

result<reader> reader::open(const input& from) {
  auto lines = line_reader::open(from, line_reader::ends::strict);
  if (!lines) return lines.error();
  std::uint64_t hash = fnv_start;
  auto head = read_header(*lines, hash);
  if (!head) return head.error();
  return reader{std::move(*lines), std::move(*head), hash};
}

result<reader> reader::open(const std::filesystem::path& file) {
  const auto from = file_input(file);
  if (!from) return from.error();
  return open(*from);
}

result<std::optional<record>> reader::next() {
  if (in_block_) {
    const auto cell = next_cell();
    if (!cell) return cell.error();
    if (const auto good = follow(*cell); !good) return good.error();
    return std::optional{*cell};
  }
  const auto line = lines_.next();
  if (!line) return line.error();
  if (!*line)
    return lines_.bad("the end of the file", std::string{a_record} + ": the trace is truncated");
  if (line->value().substr(0, 4) == "end ") return trailer(**line);
  hash_ = fnv(fnv(hash_, **line), "\n");
  return read_line(**line);
}

result<std::optional<record>> reader::read_line(std::string_view line) {
  auto rest = line;
  const auto letter = cut_word(rest);
  if (letter.size() != 1 || std::string_view{"sludrmx"}.find(letter[0]) == std::string_view::npos)
    return lines_.bad(in_quotes(line), a_record);
  const auto step = cut_word(rest);
  const auto delta = parse_count(step);
  if (!delta || *delta > (limits::time - totals_.span).count())
    return lines_.bad(in_quotes(step), "nanoseconds since the record before, together at most " +
                                           std::to_string(limits::time.count()));
  const auto time = totals_.span + nanoseconds{*delta};

  record out;
  if (letter[0] == 'm') {
    auto text = rest.size() <= limits::text_octets ? percent_decoded(rest) : std::nullopt;
    if (!text || text->empty())
      return lines_.bad(in_quotes(rest), "a remark, percent-encoded UTF-8");
    text_ = std::move(*text);
    out = {record_kind::marker, false, time, {}, {}, text_};
  } else {
    const auto read =
        letter[0] == 'x' ? start_block(rest, time) : read_link_record(letter[0], rest, time);
    if (!read) return read.error();
    out = *read;
  }
  if (const auto good = follow(out); !good) return good.error();
  return std::optional{out};
}

result<record> reader::read_link_record(char letter, std::string_view rest, nanoseconds time) {
  const bool only_link = rest.find(' ') == std::string_view::npos;
  const auto word = cut_word(rest);
  const auto id = parse_count(word);
  if (!id || *id >= static_cast<std::int64_t>(links_))
    return lines_.bad(in_quotes(word), "a link of the header, 0 to " + std::to_string(links_ - 1));
  record out{record_kind::sample, false, time, link_id(*id), {}, {}};
  if (letter == 's' || (letter == 'l' && !only_link)) {
    const auto value = parse_value(rest);
    if (!value || (letter == 'l' && value->count() == 0))
      return lines_.bad(in_quotes(rest), value_rule());
    out.value = *value;
  }
  switch (letter) {
  case 's':
    return out;
  case 'l':
    out.kind = record_kind::lost;
    return out;
  case 'd':
    out.kind = record_kind::down;
    break;
  case 'r':
    out.kind = record_kind::restored;
    break;
  default: {
    out.kind = record_kind::unknown;
    auto why = rest.size() <= limits::text_octets ? percent_decoded(rest) : std::nullopt;
    if (!why || why->empty())
      return lines_.bad(in_quotes(rest), "why it is unknown, percent-encoded UTF-8");
    text_ = std::move(*why);
    out.text = text_;
    return out;
  }
  }
  if (!only_link) return lines_.bad(in_quotes(rest), "the end of the line");
  return out;
}

result<record> reader::start_block(std::string_view rest, nanoseconds time) {
  if (!head_.mesh) return lines_.bad("a matrix block", "records of single links: this is no mesh");
  const auto nodes = parse_count(rest);
  if (!nodes || *nodes != static_cast<std::int64_t>(head_.nodes.size()))
    return lines_.bad(in_quotes(rest),
                      "the number of nodes, " + std::to_string(head_.nodes.size()));
  in_block_ = true;
  row_ = column_ = cell_ = 0;
  return record{record_kind::block, false, time, {}, {}, {}};
}

/// Reads the line of a row, up to its diagonal if that comes first.
result<void> reader::start_row() {
  const auto line = lines_.next();
  if (!line) return line.error();
  if (!*line)
    return lines_.bad("the end of the file",
                      "row " + std::to_string(row_) + " of the matrix: the trace is truncated");
  hash_ = fnv(fnv(hash_, **line), "\n");
  row_rest_ = **line;
  return {};
}

result<record> reader::next_cell() {
  const auto nodes = head_.nodes.size();
  if (column_ == 0)
    if (const auto started = start_row(); !started) return started.error();
  const auto take = [&](bool last) -> std::optional<std::string_view> {
    if ((row_rest_.find(' ') == std::string_view::npos) != last) return {};
    return cut_word(row_rest_);
  };
  const auto bad_row = [&] {
    return lines_.bad("a row with another number of cells or blanks",
                      std::to_string(nodes) + " cells with one blank between two");
  };
  const auto diagonal = [&](bool last) -> result<void> {
    const auto word = take(last);
    if (!word) return bad_row();
    if (*word != ".")
      return lines_.bad(in_quotes(*word), "'.' in column " + std::to_string(column_) +
                                              ", where a node would meet itself");
    ++column_;
    return {};
  };
  if (column_ == row_)
    if (const auto skipped = diagonal(false); !skipped) return skipped.error();
  const auto word = take(column_ + 1 == nodes);
  if (!word) return bad_row();
  record out{record_kind::sample, true, totals_.span, link_id(cell_), {}, {}};
  if (*word == "*") {
    out.kind = record_kind::lost;
  } else if (*word == "-") {
    out.kind = record_kind::unknown;
  } else if (const auto value = parse_value(*word)) {
    out.value = *value;
  } else {
    return lines_.bad(in_quotes(*word) + " in column " + std::to_string(column_),
                      value_rule() + ", '*' or '-'");
  }
  ++cell_;
  ++column_;
  if (column_ == row_ && row_ + 1 == nodes)
    if (const auto skipped = diagonal(true); !skipped) return skipped.error();
  if (column_ == nodes) {
    column_ = 0;
    ++row_;
  }
  in_block_ = cell_ < links_;
  return out;
}

/// Counts the record and holds it against those before it.
result<void> reader::follow(const record& what) {
  if (!what.cell) {
    ++totals_.records;
    if (what.time > totals_.span) totals_.step = what.time - totals_.span;
    totals_.span = what.time;
  }
  const auto link = index(what.link);
  switch (what.kind) {
  case record_kind::marker:
  case record_kind::block:
    return {};
  case record_kind::down:
    if (down_[link]) return lines_.bad("a link going down twice", "'r' before another 'd'");
    down_[link] = true;
    return {};
  case record_kind::restored:
    if (!down_[link]) return lines_.bad("a restored link that is not down", "'d' before it");
    down_[link] = false;
    return {};
  case record_kind::sample:
    ++totals_.samples;
    if (!add(totals_.sum, what.value)) return lines_.bad(sum_too_large, "less");
    break;
  case record_kind::lost:
    ++totals_.lost;
    break;
  case record_kind::unknown:
    ++totals_.unknown;
    break;
  }
  if (down_[link])
    return lines_.bad("a measurement on link " + std::to_string(link) + ", which is down",
                      "'r' before it");
  return {};
}

result<std::optional<record>> reader::trailer(std::string_view line) {
  const auto expected = write_trailer(totals_) + hash_text(hash_);
  if (line != expected) return lines_.bad(in_quotes(line), '\'' + expected + '\'');
  const auto more = lines_.next();
  if (!more) return more.error();
  if (*more) return lines_.bad(in_quotes(**more), "the end of the file behind the trailer");
  return std::nullopt;
}

result<totals> check(const input& from) {
  auto trace = reader::open(from);
  if (!trace) return trace.error();
  for (;;) {
    const auto record = trace->next();
    if (!record) return record.error();
    if (!*record) return trace->seen();
  }
}

} // namespace lanrage::sim::trace
