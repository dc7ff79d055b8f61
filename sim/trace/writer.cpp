#include "sim/trace/writer.hpp"

#include "sim/trace/header_text.hpp"
#include "sim/trace/percent.hpp"

#include <array>
#include <charconv>

namespace lanrage::sim::trace {
namespace {

constexpr std::size_t chunk = 64 * 1024;

void require(bool holds, const char* rule) {
  if (!holds) throw std::logic_error(std::string{"trace writer: "} + rule);
}

} // namespace

std::string write_trailer(const totals& counted) {
  return "end records=" + std::to_string(counted.records) +
         " samples=" + std::to_string(counted.samples) + " lost=" + std::to_string(counted.lost) +
         " unknown=" + std::to_string(counted.unknown) +
         " span_ns=" + std::to_string(counted.span.count()) +
         " sum_ns=" + std::to_string(counted.sum) + " hash=";
}

void writer::begin(const header& head) {
  require(!begun_, "begun twice");
  require(head.link_count() > 0, "a trace without links");
  begun_ = true;
  links_ = head.link_count();
  nodes_ = head.mesh ? head.nodes.size() : 0;
  buffer_ += write_header(head);
}

void writer::write(const record& what) {
  require(begun_, "a record before the header");
  require(in_block_ == what.cell, "a block has all its cells and nothing else");
  require(what.time >= totals_.span, "time goes back");
  count(what);
  if (what.cell)
    cell(what);
  else
    line(what);
  if (buffer_.size() >= chunk) flush();
}

void writer::count(const record& what) {
  if (!what.cell) ++totals_.records;
  switch (what.kind) {
  case record_kind::sample:
    require(what.value.count() >= 0 && what.value <= limits::value, "a value out of range");
    ++totals_.samples;
    if (!add(totals_.sum, what.value) && !trouble_)
      trouble_ = problem{"the trace", 0, sum_too_large, "fewer or smaller samples", {}};
    break;
  case record_kind::lost:
    ++totals_.lost;
    break;
  case record_kind::unknown:
    ++totals_.unknown;
    break;
  case record_kind::block:
    require(nodes_ > 0, "a block outside a mesh");
    break;
  case record_kind::down:
  case record_kind::restored:
  case record_kind::marker:
    break;
  }
}

void writer::line(const record& what) {
  static constexpr std::string_view letters = "sludrmx"; // in the order of record_kind
  buffer_ += letters[static_cast<std::size_t>(what.kind)];
  number((what.time - totals_.span).count());
  if (what.time > totals_.span) totals_.step = what.time - totals_.span;
  totals_.span = what.time;
  if (what.kind == record_kind::block) {
    number(static_cast<std::int64_t>(nodes_));
    in_block_ = true;
    cell_ = 0;
  } else if (what.kind == record_kind::marker) {
    (buffer_ += ' ') += percent_encoded(what.text);
  } else {
    require(index(what.link) < links_, "a link that is not in the header");
    number(static_cast<std::int64_t>(index(what.link)));
    if (what.kind == record_kind::sample) number(what.value.count());
    if (what.kind == record_kind::lost && what.value.count() > 0) number(what.value.count());
    if (what.kind == record_kind::unknown) {
      require(!what.text.empty(), "unknown without a reason");
      (buffer_ += ' ') += percent_encoded(what.text);
    }
  }
  buffer_ += '\n';
}

/// A row of n words; '.' stands where a node would meet itself. Columns before the row's own number
/// are the link's place, those behind it one more.
void writer::cell(const record& what) {
  require(index(what.link) == cell_, "cells in the order of the links");
  require(what.time == totals_.span, "a cell has its block's time");
  const auto row = cell_ / (nodes_ - 1), place = cell_ % (nodes_ - 1);
  if (place == row) word(place == 0, '.');
  if (what.kind == record_kind::sample) {
    if (place > 0 || row == 0) buffer_ += ' ';
    digits(what.value.count());
  } else {
    require(what.kind == record_kind::lost || what.kind == record_kind::unknown,
            "a cell is a sample, a loss or unknown");
    word(place == 0 && row > 0, what.kind == record_kind::lost ? '*' : '-');
  }
  if (place + 1 == nodes_ - 1) {
    if (row == nodes_ - 1) word(false, '.');
    buffer_ += '\n';
  }
  ++cell_;
  in_block_ = cell_ < links_;
}

void writer::word(bool first, char c) {
  if (!first) buffer_ += ' ';
  buffer_ += c;
}

void writer::digits(std::int64_t value) {
  std::array<char, 20> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  buffer_.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

/// With the blank before it.
void writer::number(std::int64_t value) {
  buffer_ += ' ';
  digits(value);
}

void writer::flush() {
  hash_ = fnv(hash_, buffer_);
  if (!trouble_)
    if (const auto written = to_.write(buffer_); !written) trouble_ = written.error();
  buffer_.clear();
}

result<totals> writer::finish() {
  require(begun_ && !in_block_, "finished before its end");
  flush();
  buffer_ = write_trailer(totals_) + hash_text(hash_) + '\n';
  flush();
  if (trouble_) return *trouble_;
  return totals_;
}

} // namespace lanrage::sim::trace
