#include "sim/trace/delimited.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/writer.hpp"

namespace lanrage::sim::trace {
namespace {

/// A gap of more probes than this is a broken sequence column, not an outage.
constexpr std::int64_t longest_gap = 1'000'000;
constexpr std::int64_t most_sent = 1'000'000;
constexpr std::size_t mark_octets = 80; ///< of a cell that becomes a marker; the rest is left out

class columns_import {
 public:
  columns_import(const columns_options& how, byte_sink& to)
      : how_(how), cells_(how.rtt_unit, how.codes), out_(to) {
    add(&how.rtt);
    for (const auto* each : {&how.time, &how.sequence, &how.loss_percent, &how.sent, &how.mark})
      if (*each) add(&**each);
  }

  result<totals> run(const input& from) {
    auto opened = table_reader::open(from, how_.text, wanted_);
    if (!opened) return opened.error();
    table_ = &*opened;
    if (how_.time) time_at_ = place_of(*how_.time);
    for (;;) {
      const auto line = opened->next();
      if (!line) return line.error();
      if (!*line) break;
      if (const auto done = take_line(); !done) return done.error();
    }
    if (lines_ == 0) return opened->bad("no lines", "at least one with a latency");
    return out_.finish();
  }

 private:
  void add(const column_name* name) { wanted_.push_back(name); }
  std::size_t place_of(const column_name& name) const {
    std::size_t at = 0;
    while (wanted_[at] != &name)
      ++at;
    return at;
  }

  result<void> take_line() {
    const auto value = cells_.read(table_->cell(0));
    const auto summed_up = lost_of_burst();
    if (!summed_up) return summed_up.error();
    const bool all_lost = summed_up->all && table_->cell(0).empty();
    if (!value && !all_lost) return table_->bad(table_->described(0), cells_.expected());
    const auto time = time_of_line();
    if (!time) return time.error();
    if (lines_ == 0) begin(*time);
    const auto now = nanoseconds{*time - origin_};
    if (now > limits::time)
      return table_->bad("a time " + std::to_string(now.count()) + " ns behind the first",
                         "at most " + std::to_string(limits::time.count()));
    if (how_.sequence)
      if (const auto gap = fill_gap(now); !gap) return gap.error();
    if (const auto marked = mark(now); !marked) return marked.error();
    if (value && !summed_up->all) write(*value, now);
    for (std::int64_t i = 0; i < summed_up->lost; ++i)
      out_.lost(now, link_id{0});
    last_ = now;
    if (value) carry_ += value->value.count();
    ++lines_;
    return {};
  }

  void write(const cell_value& value, nanoseconds now) {
    if (value.kind == record_kind::sample)
      out_.sample(now, link_id{0}, value.value);
    else if (value.kind == record_kind::lost)
      out_.lost(now, link_id{0});
    else
      out_.unknown(now, link_id{0}, why_unknown(table_->cell(0)));
  }

  /// In nanoseconds since 1970, or since the first line where the text has no clock.
  result<std::int64_t> time_of_line() {
    if (!how_.time) {
      if (!how_.interval) return carry_; // closed loop: the next request leaves with the answer
      const auto before = static_cast<std::int64_t>(lines_);
      if (before > 0 && *how_.interval > limits::time / before)
        return table_->bad("a line ten years behind the first", "a shorter interval");
      return how_.interval->count() * before;
    }
    const auto cell = table_->cell(time_at_);
    const auto time = how_.time_in == time_unit::datetime
                          ? parse_datetime(cell)
                          : parse_decimal(cell, digits_of(static_cast<unit>(how_.time_in)));
    if (!time || *time < 0)
      return table_->bad(table_->described(time_at_),
                         how_.time_in == time_unit::datetime
                             ? "a time such as 2016-11-14 11:09:37 or 14/11/2016 11:09"
                             : "a time, 0 or more, before the year 2262");
    if (lines_ > 0 && *time < origin_ + last_.count())
      return table_->bad(table_->described(time_at_) + ", earlier than the line before",
                         "lines in the order of time");
    return *time;
  }

  void begin(std::int64_t time) {
    header head;
    head.metas = how_.about.metas;
    head.clock = how_.time       ? clock_kind::recorded
                 : how_.interval ? clock_kind::nominal
                                 : clock_kind::none;
    head.end = how_.about.end;
    head.quantity = how_.quantity;
    head.split = how_.about.split;
    if (how_.time) head.origin_unix_ns = origin_ = time;
    head.nodes = {"a", "b"};
    const auto dir = how_.quantity == quantity::rtt ? direction::both : direction::forward;
    head.links = {{node_id{0}, node_id{1}, dir, how_.about.rules}};
    out_.begin(head);
  }

  /// Numbers that are absent were lost, at even distances.
  result<void> fill_gap(nanoseconds now) {
    const auto at = place_of(*how_.sequence);
    const auto number = parse_decimal(table_->cell(at), 0);
    if (!number || *number < 0)
      return table_->bad(table_->described(at), "a sequence number, 0 or more");
    if (lines_ > 0) {
      const auto step = *number - sequence_;
      if (step < 1 || step > longest_gap)
        return table_->bad(table_->described(at) + " behind " + std::to_string(sequence_),
                           "numbers that grow, by at most " + std::to_string(longest_gap));
      const auto whole = (now - last_) / step, rest = (now - last_) % step;
      for (std::int64_t i = 1; i < step; ++i)
        out_.lost(last_ + whole * i + rest * i / step, link_id{0});
    }
    sequence_ = *number;
    return {};
  }

  result<void> mark(nanoseconds now) {
    if (!how_.mark) return {};
    const auto at = place_of(*how_.mark);
    const auto cell = table_->cell(at);
    if (cell.empty() || cell == "0") return {};
    if (!is_printable(cell))
      return table_->bad(table_->described(at), "text without control characters");
    auto kept = cell.substr(0, mark_octets);
    while (!is_text(kept)) // cut within a character
      kept.remove_suffix(1);
    const auto text = how_.mark->text + '=' + std::string{kept};
    out_.write({record_kind::marker, false, now, {}, {}, text});
    return {};
  }

  struct burst {
    std::int64_t lost = 0;
    bool all = false;
  };
  result<burst> lost_of_burst() {
    burst out;
    if (!how_.loss_percent) return out;
    const auto sent_at = place_of(*how_.sent), percent_at = place_of(*how_.loss_percent);
    const auto sent = parse_decimal(table_->cell(sent_at), 0);
    if (!sent || *sent < 1 || *sent > most_sent)
      return table_->bad(table_->described(sent_at), "1 to " + std::to_string(most_sent));
    const auto percent = parse_decimal(table_->cell(percent_at), 9);
    constexpr std::int64_t hundred = 100'000'000'000;
    if (!percent || *percent < 0 || *percent > hundred)
      return table_->bad(table_->described(percent_at), "0 to 100 per cent");
    // Rounded half up; 10^6 * 10^11 fits.
    out.lost = (*sent * *percent + hundred / 2) / hundred;
    out.all = out.lost == *sent;
    return out;
  }

  const columns_options& how_;
  cell_reader cells_;
  writer out_;
  std::vector<const column_name*> wanted_;
  table_reader* table_ = nullptr;
  std::size_t time_at_ = 0;
  std::int64_t origin_ = 0;
  nanoseconds last_{};
  std::int64_t carry_ = 0;
  std::int64_t sequence_ = 0;
  std::uint64_t lines_ = 0;
};

} // namespace

result<totals> import_columns(const input& from, const columns_options& how, byte_sink& to) {
  return columns_import{how, to}.run(from);
}

} // namespace lanrage::sim::trace
