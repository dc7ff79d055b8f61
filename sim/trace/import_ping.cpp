#include "sim/trace/import.hpp"
#include "sim/trace/lines.hpp"
#include "sim/trace/percent.hpp"
#include "sim/trace/probe_window.hpp"
#include "sim/trace/writer.hpp"

#include <algorithm>
#include <array>
#include <queue>

namespace lanrage::sim::trace {
namespace {

constexpr const char* a_line = "a line of ping: '[stamp] 64 bytes from HOST: icmp_seq=N ttl=T "
                               "time=R ms', 'no answer yet for icmp_seq=N', 'From HOST icmp_seq=N "
                               "REASON', a warning, the banner or the statistics";

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// Brings probes into the order of time: stamps are of arrivals, so sending times go back a little.
class time_order {
 public:
  static constexpr std::size_t most = 65'536; ///< probes that may be out of order

  explicit time_order(std::function<void(const probe&)> give) : give_(std::move(give)) {}

  void take(const probe& what) {
    waiting_.push({what, count_++});
    if (waiting_.size() > most) give_first();
  }
  void finish() {
    while (!waiting_.empty())
      give_first();
  }

 private:
  struct entry {
    probe what;
    std::uint64_t number;
    bool operator<(const entry& other) const { // the least first
      if (what.sent_ns != other.what.sent_ns) return what.sent_ns > other.what.sent_ns;
      return number > other.number;
    }
  };
  void give_first() {
    give_(waiting_.top().what);
    waiting_.pop();
  }
  std::function<void(const probe&)> give_;
  std::priority_queue<entry> waiting_;
  std::uint64_t count_ = 0;
};

class ping_import {
 public:
  ping_import(line_reader lines, const ping_options& how, byte_sink& to)
      : lines_(std::move(lines)), how_(how), out_(to) {}

  result<totals> run() {
    for (;;) {
      const auto line = lines_.next();
      if (!line) return line.error();
      if (!*line) break;
      if (const auto done = take_line(**line); !done) return done.error();
      if (trouble_) return *trouble_;
    }
    if (window_.empty()) return lines_.bad("no probe", a_line);
    window_.finish(how_.interval);
    order_.finish();
    if (trouble_) return *trouble_;
    return out_.finish();
  }

 private:
  result<void> take_line(std::string_view line) {
    if (line.empty() || starts_with(line, "ping: ") || starts_with(line, "ping6: ") ||
        starts_with(line, "Warning: ") || starts_with(line, "WARNING: ") || line == "^C")
      return {};
    if (starts_with(line, "PING ")) return banner(line);
    if (over_) return statistics(line);
    if (starts_with(line, "--- ")) {
      over_ = true;
      return {};
    }
    const auto whole = line;
    std::optional<std::int64_t> stamp;
    if (line[0] == '[') {
      const auto end = line.find("] ");
      if (end != std::string_view::npos) stamp = parse_decimal(line.substr(1, end - 1), 9);
      if (!stamp || *stamp < 0) return lines_.bad(in_quotes(line), "'[seconds since 1970] ...'");
      line.remove_prefix(end + 2);
    }
    if (starts_with(line, "no answer yet for icmp_seq=")) return sent(line, whole);
    if (starts_with(line, "From ") && line.find("icmp_seq=") != std::string_view::npos)
      return sent(line, whole);
    const auto from = line.find(" bytes from ");
    if (from == std::string_view::npos || !parse_count(line.substr(0, from)))
      return lines_.bad(in_quotes(whole), a_line);
    return reply(line, whole, stamp);
  }

  result<void> banner(std::string_view line) {
    if (banner_ || !window_.empty())
      return lines_.bad("a banner behind another or behind replies", "one run of ping per file");
    banner_ = true;
    const auto rest = line.substr(5);
    const auto host = rest.substr(0, rest.find_first_of(" ("));
    if (!host.empty() && host.size() <= 255 && is_printable(host)) host_ = host;
    window_.start(1);
    return {};
  }

  /// "icmp_seq=N", 0 to 65535.
  std::optional<std::int64_t> number_in(std::string_view line) const {
    constexpr std::string_view name = "icmp_seq=";
    const auto at = line.find(name);
    if (at == std::string_view::npos) return {};
    const auto rest = line.substr(at + name.size());
    const auto number = parse_count(rest.substr(0, rest.find_first_not_of("0123456789")));
    if (!number || *number > 65'535) return {};
    return window_.unwrapped(*number);
  }

  result<void> sent(std::string_view line, std::string_view whole) {
    const auto number = number_in(line);
    if (!number) return lines_.bad(in_quotes(whole), "icmp_seq=0 to 65535");
    window_.sent(*number);
    return {};
  }

  result<void> reply(std::string_view line, std::string_view whole,
                     std::optional<std::int64_t> stamp) {
    const auto number = number_in(line);
    constexpr std::string_view name = " time=";
    const auto at = line.find(name);
    const auto text = at == std::string_view::npos ? "" : line.substr(at + name.size());
    const auto end = text.find(' ');
    const auto rtt = parse_decimal(text.substr(0, end), digits_of(unit::ms));
    const bool in_ms = end != std::string_view::npos && starts_with(text.substr(end), " ms") &&
                       (text.size() == end + 3 || text[end + 3] == ' ');
    if (!number || !rtt || *rtt < 0 || *rtt > limits::value.count() || !in_ms)
      return lines_.bad(in_quotes(whole), "icmp_seq=0 to 65535 and time=0 to 1 h in ms");
    if (stamped_.value_or(stamp.has_value()) != stamp.has_value())
      return lines_.bad(stamp ? "a time stamp" : "no time stamp",
                        stamp ? "none, as in the lines before" : "one, as in the lines before");
    stamped_ = stamp.has_value();
    if (!stamp && *number > limits::time / how_.interval)
      return lines_.bad(in_quotes(whole), "a shorter interval: this is ten years behind the first");
    if (stamp && *stamp < *rtt) return lines_.bad(in_quotes(whole), "a time stamp since 1970");
    const auto sent_at = stamp ? *stamp - *rtt : *number * how_.interval.count();
    window_.answered(*number, sent_at, nanoseconds{*rtt}); // an answer that comes twice counts once
    return {};
  }

  /// Behind "--- HOST ping statistics ---".
  result<void> statistics(std::string_view line) {
    const auto end = line.find(" packets transmitted, ");
    if (end == std::string_view::npos) {
      constexpr std::array<std::string_view, 4> known{"rtt ", "round-trip ", "pipe ", "--- "};
      if (std::any_of(known.begin(), known.end(),
                      [&](std::string_view start) { return starts_with(line, start); }))
        return {};
      return lines_.bad(in_quotes(line), "the rest of the statistics, or the end of the file");
    }
    const auto sent = parse_count(line.substr(0, end));
    if (!sent || *sent > most_transmitted)
      return lines_.bad(in_quotes(line), "0 to 10,000,000 packets transmitted");
    // Probes behind the last one that was heard of are lost, too.
    const auto last = window_.first() + *sent - 1;
    if (banner_ && *sent > 0 && last > window_.last()) window_.sent(last);
    return {};
  }

  void write(const probe& what) {
    if (trouble_) return;
    if (!out_.begun()) begin(what.sent_ns);
    const auto now = nanoseconds{what.sent_ns - origin_};
    if (now < last_ || now > limits::time) {
      trouble_ = lines_.bad("times that jump by more than " + std::to_string(time_order::most) +
                                " probes or ten years",
                            "time stamps of one clock");
      return;
    }
    last_ = now;
    if (what.rtt)
      out_.sample(now, link_id{0}, *what.rtt);
    else
      out_.lost(now, link_id{0});
  }

  void begin(std::int64_t first) {
    origin_ = first;
    header head;
    head.metas = how_.about.metas;
    const bool stamps = stamped_.value_or(false);
    head.clock = stamps ? clock_kind::recorded : clock_kind::nominal;
    if (stamps && first >= 0) head.origin_unix_ns = first;
    head.end = how_.about.end;
    head.split = how_.about.split;
    head.nodes = {"local", host_};
    head.links = {{node_id{0}, node_id{1}, direction::both, how_.about.rules}};
    out_.begin(head);
  }

  static constexpr std::int64_t most_transmitted = 10'000'000;

  line_reader lines_;
  const ping_options& how_;
  writer out_;
  time_order order_{[this](const probe& what) { return write(what); }};
  probe_window window_{[this](const probe& what) { order_.take(what); }};
  bool banner_ = false;
  bool over_ = false; ///< the statistics have begun
  std::optional<bool> stamped_;
  std::string host_ = "remote";
  std::int64_t origin_ = 0;
  nanoseconds last_{};
  std::optional<problem> trouble_;
};

} // namespace

result<totals> import_ping(const input& from, const ping_options& how, byte_sink& to) {
  auto lines = line_reader::open(from, line_reader::ends::any);
  if (!lines) return lines.error();
  return ping_import{std::move(*lines), how, to}.run();
}

} // namespace lanrage::sim::trace
