#pragma once

#include "sim/trace/numbers.hpp"
#include "sim/trace/sink.hpp"
#include "sim/trace/source.hpp"
#include "sim/trace/values.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

/// Recordings of others into traces. Each importer reads its text once, strictly: what it does not
/// understand is a problem with file and line, and what it cannot know (a unit, an interval) is an
/// option without a default. Formats and options: docs/traces.md.
namespace lanrage::sim::trace {

/// What the trace says of itself beyond its records.
struct about_trace {
  std::vector<meta> metas;
  link_rules rules;
  split_rule split;
  at_end end = at_end::stop;
};

/// iputils ping: text with or without `-D` (time stamps) and `-O` (outstanding replies).
struct ping_options {
  about_trace about;
  /// Between probes, where the text has no time stamps; ping's own default.
  nanoseconds interval = std::chrono::seconds{1};
};
result<totals> import_ping(const input& from, const ping_options& how, byte_sink& to);

/// RIPE Atlas ping results: one JSON array, or one object per line. One link per probe and
/// measurement.
struct atlas_options {
  about_trace about;
  /// Between the packets of one result, which the results do not tell; Atlas' own default.
  nanoseconds packet_interval = std::chrono::seconds{1};
};
result<totals> import_atlas(const input& from, const atlas_options& how, byte_sink& to);

/// Cells that are no latency: "-1", "-3", "NaN". Numbers are compared as numbers.
struct cell_codes {
  std::vector<std::string> lost;
  std::vector<std::string> unknown;
};

/// Square matrices, one file per time slice; with or without a row and a column of names.
struct matrix_options {
  about_trace about;
  unit rtt_unit{};
  nanoseconds interval{}; ///< between slices
  trace::quantity quantity = trace::quantity::rtt;
  cell_codes codes;
};
result<totals> import_matrix(std::span<const input> slices, const matrix_options& how,
                             byte_sink& to);

/// A column: its name in the header line, or its number from 1.
struct column_name {
  std::string text;
};

/// Delimited text as such. A delimiter of ' ' stands for any run of blanks and tabs; otherwise a
/// field may stand in double quotes (RFC 4180).
struct delimited_options {
  char delimiter = ',';
  bool header = false; ///< the first line has names; a column given by name implies it
};

/// One line per ordered pair of nodes, at no time in particular.
struct pairs_options {
  about_trace about;
  delimited_options text;
  column_name from;
  column_name to;
  column_name rtt;
  unit rtt_unit{};
  trace::quantity quantity = trace::quantity::rtt;
  cell_codes codes;
};
result<totals> import_pairs(const input& from, const pairs_options& how, byte_sink& to);

/// Time stamps in a column: a number of a unit, or a date with a time of day.
enum class time_unit : std::uint8_t { s, ms, us, ns, datetime };

/// One line per probe of one link.
struct columns_options {
  about_trace about;
  delimited_options text;
  column_name rtt;
  unit rtt_unit{};
  std::optional<column_name> time;
  time_unit time_in{};
  std::optional<nanoseconds> interval;     ///< between lines, instead of a time column
  std::optional<column_name> sequence;     ///< its gaps are losses
  std::optional<column_name> loss_percent; ///< of `sent` probes that the line sums up
  std::optional<column_name> sent;
  std::optional<column_name> mark; ///< a cell but "" and "0" becomes a marker
  trace::quantity quantity = trace::quantity::rtt;
  cell_codes codes;
};
result<totals> import_columns(const input& from, const columns_options& how, byte_sink& to);

} // namespace lanrage::sim::trace
