#include "sim/trace/delimited.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/writer.hpp"

#include <algorithm>

namespace lanrage::sim::trace {
namespace {

/// What separates cells is in the first line: a tab, else ';', else ',', else blanks.
char separator_of(std::string_view line) {
  for (const char c : {'\t', ';', ','})
    if (line.find(c) != std::string_view::npos) return c;
  return ' ';
}

/// Without the separators that end a line.
std::string_view without_tail(std::string_view line, char separator) {
  if (separator == '\t' && !line.empty() && line.back() == '\t') line.remove_suffix(1);
  return line;
}

class matrix_import {
 public:
  matrix_import(const matrix_options& how, byte_sink& to)
      : how_(how), cells_(how.rtt_unit, how.codes), out_(to) {}

  result<void> take_slice(const input& from, std::size_t number) {
    auto lines = line_reader::open(from, line_reader::ends::any);
    if (!lines) return lines.error();
    const auto span = static_cast<std::int64_t>(number);
    if (span > 0 && how_.interval > limits::time / span)
      return problem{from.name, 0, "a slice too late", "slices of at most ten years", {}};
    const auto time = how_.interval * span;
    std::size_t row = 0;
    for (bool first = true;; first = false) {
      const auto line = lines->next();
      if (!line) return line.error();
      if (!*line || (row == nodes_ && nodes_ > 0 && (*line)->empty())) break;
      if (first) {
        const auto labelled = start(**line, *lines);
        if (!labelled) return labelled.error();
        if (!out_.begun()) begin();
        out_.write({record_kind::block, false, time, {}, {}, {}});
        if (*labelled) continue;
      }
      if (const auto taken = take_row(**line, row++, time, *lines); !taken) return taken.error();
    }
    if (row == nodes_ && nodes_ > 0) return {};
    return lines->bad("a matrix of " + std::to_string(row) + " rows",
                      nodes_ > 0 ? "as many rows as columns, " + std::to_string(nodes_)
                                 : "at least two rows and columns");
  }

  result<totals> finish() { return out_.finish(); }

 private:
  /// The first line of a slice: how the matrix looks, and whether it is a line of names.
  result<bool> start(std::string_view line, line_reader& lines) {
    separator_ = separator_of(line);
    row_ = fields{separator_};
    if (!row_.cut(without_tail(line, separator_), limits::mesh_nodes + 2))
      return lines.bad(in_quotes(line), "cells; a quoted one ends with its quote");
    // A corner that is no cell has names beside and below it.
    labelled_ = !cells_.read(row_[0]).has_value() &&
                !parse_decimal(row_[0], digits_of(how_.rtt_unit)).has_value();
    const auto nodes = row_.size() - (labelled_ ? 1 : 0);
    if (nodes < 2 || nodes > limits::mesh_nodes)
      return lines.bad("a first line of " + std::to_string(row_.size()) + " cells",
                       "2 to " + std::to_string(limits::mesh_nodes) + " nodes");
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < nodes; ++i) {
      labels.emplace_back(labelled_ ? std::string{row_[i + 1]} : std::to_string(i));
      if (labels.back().empty() || labels.back().size() > limits::text_octets / 3 ||
          !is_printable(labels.back()))
        return lines.bad(in_quotes(labels.back()), "the name of a node");
    }
    if (nodes_ > 0 && labels != labels_)
      return lines.bad("other nodes than in the slice before (" + std::to_string(nodes) + ")",
                       "the same " + std::to_string(nodes_));
    nodes_ = nodes;
    labels_ = std::move(labels);
    return labelled_;
  }

  void begin() {
    header head;
    head.metas = how_.about.metas;
    head.clock = clock_kind::nominal;
    head.end = how_.about.end;
    head.quantity = how_.quantity;
    head.split = how_.about.split;
    head.nodes = labels_;
    head.mesh = how_.about.rules;
    out_.begin(head);
  }

  result<void> take_row(std::string_view line, std::size_t row, nanoseconds time,
                        line_reader& lines) {
    if (row >= nodes_)
      return lines.bad("row " + std::to_string(row + 1),
                       "as many rows as columns, " + std::to_string(nodes_));
    const std::size_t labels = labelled_ ? 1 : 0;
    const bool cut = row_.cut(without_tail(line, separator_), nodes_ + labels + 1);
    if (!cut || row_.size() != nodes_ + labels)
      return lines.bad("a row of " + std::to_string(row_.size()) + " cells",
                       std::to_string(nodes_ + labels));
    if (labelled_ && row_[0] != labels_[row])
      return lines.bad("the row of " + in_quotes(row_[0]),
                       in_quotes(labels_[row]) + ", in the order of the columns");
    auto link = row * (nodes_ - 1);
    for (std::size_t column = 0; column < nodes_; ++column) {
      if (column == row) continue; // what a node measures to itself is nobody's business
      const auto value = cells_.read(row_[column + labels]);
      if (!value)
        return lines.bad(in_quotes(row_[column + labels]) + " in column " +
                             std::to_string(column + labels + 1),
                         cells_.expected());
      out_.write({value->kind, true, time, link_id(link++), value->value, {}});
    }
    return {};
  }

  const matrix_options& how_;
  cell_reader cells_;
  writer out_;
  std::size_t nodes_ = 0;
  std::vector<std::string> labels_;
  bool labelled_ = false;
  char separator_ = ' ';
  fields row_{' '};
};

} // namespace

result<totals> import_matrix(std::span<const input> slices, const matrix_options& how,
                             byte_sink& to) {
  if (slices.empty()) return problem{"matrix", 0, "no file", "one per time slice", {}};
  matrix_import out{how, to};
  for (std::size_t i = 0; i < slices.size(); ++i)
    if (const auto taken = out.take_slice(slices[i], i); !taken) return taken.error();
  return out.finish();
}

} // namespace lanrage::sim::trace
