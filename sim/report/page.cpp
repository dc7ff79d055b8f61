#include "sim/report/page.hpp"

#include "sim/event_log.hpp"
#include "sim/report/markup.hpp"
#include "sim/report/parts.hpp"

#include <algorithm>
#include <filesystem>

namespace lanrage::sim::report {
namespace {

constexpr std::size_t rows_max = 200; ///< of a table

constexpr const char* style = R"(
:root{--ink:#1b1f24;--soft:#5d6670;--rule:#e3e6ea;--good:#00704f;--bad:#b84300}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:28px 30px 60px;color:var(--ink);background:#fff;
font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header{display:flex;gap:22px;align-items:flex-start;margin-bottom:20px}
.badge{flex:none;font-size:20px;font-weight:700;color:#fff;padding:10px 18px;border-radius:8px;
margin-top:4px}
.badge.good{background:var(--good)}.badge.bad{background:var(--bad)}
h1{font-size:26px;line-height:1.2;margin:0}
h2{font-size:16px;margin:34px 0 8px}
.lead{font-size:17px;margin:4px 0 2px}
.sub,.hint{color:var(--soft);margin:2px 0}
.missed{border-left:5px solid var(--bad);background:#fdf3ec;padding:10px 16px;
border-radius:0 6px 6px 0}
.missed ul{margin:0;padding-left:18px}.missed li{margin:4px 0}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin:18px 0 6px}
.tile{border:1px solid var(--rule);border-radius:8px;padding:10px 14px}
.tile b{display:block;font-size:21px;line-height:1.3;white-space:nowrap}
.tile span{color:var(--soft);font-size:12.5px}
.tile.bad b{color:var(--bad)}
svg{display:block;width:100%;height:auto;font:11px system-ui,"DejaVu Sans",sans-serif}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:12.5px;
margin:4px 0 10px}
.legend i{display:inline-block;width:22px;height:12px;border-radius:2px;margin-right:6px;
vertical-align:-1px}
.grid{stroke:#eceff2;stroke-width:1}.axis{stroke:#9aa3ad;stroke-width:1}.rule{stroke:#d4d9de}
.mark{fill:#5d6670;font-size:10.5px}.name{font-weight:600;font-size:13px}
.fine{fill:#5d6670;font-size:10.5px}.note{font-size:11px}.deed{font-size:11.5px}
.in{font-size:12px;font-weight:600}
.window{fill:#f6d9c6;stroke:#d55e00;stroke-width:1}.moment{fill:#d55e00}
.shade{fill:#d55e00;fill-opacity:.07}.edge{stroke:#d55e00;stroke-dasharray:3 3;stroke-opacity:.7}
.s-off,.s-apart{stroke:#9aa3ad;stroke-dasharray:3 2}
.best{fill:none;stroke:#1b1f24;stroke-width:1.2;stroke-dasharray:4 3}
.used{fill:none;stroke-width:2.6}.extra{fill:#cc79a7;fill-opacity:.35}
.silent{fill:#d55e00;fill-opacity:.45}.switch{fill:#1b1f24}
.moved{stroke:#1b1f24;stroke-opacity:.35}.lost{fill:#b00020}
.curve{fill:none;stroke-width:2.2}
.charts{display:grid;grid-template-columns:repeat(3,1fr);gap:22px}
.charts h2{margin-top:22px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);font-size:12.5px}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--rule)}
.n{text-align:right}
pre{background:#f4f6f8;border-radius:6px;padding:12px 16px;overflow-x:auto;white-space:pre-wrap;
overflow-wrap:anywhere}
@media(max-width:900px){.tiles{grid-template-columns:repeat(3,1fr)}
.charts{grid-template-columns:1fr}}
)";

std::string paragraph(const char* kind, const std::string& text) {
  return std::string{"<p class=\""} + kind + "\">" + escaped(text) + "</p>\n";
}

std::string counted(std::uint64_t count, const std::string& one) {
  return count_text(count) + ' ' + one + (count == 1 ? "" : "s");
}

std::string head(const drawing& what, const scenario::outcome& got, const std::string& file) {
  const auto& of = what.of;
  const auto name = std::filesystem::path{file}.stem().string();
  const auto missed = got.violations.size();
  const auto verdict = missed == 0 ? "passed" : "failed";
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
                    escaped(name) + ": " + verdict + "</title>\n<style>" + style +
                    "</style></head>\n<body>\n<header>";
  out += std::string{"<div class=\"badge "} + (missed == 0 ? "good\">PASSED" : "bad\">FAILED") +
         "</div><div>\n<h1>" + escaped(name) + "</h1>\n";
  out += paragraph("lead", of.description);
  const auto wanted = of.expectations.size();
  std::string verdict_text =
      missed > 0    ? counted(missed, "violation") + " of " + counted(wanted, "expectation")
      : wanted == 0 ? "nothing was expected"
                    : "all " + counted(wanted, "expectation") + " met";
  out += paragraph("sub", verdict_text + " \u00b7 seed " + std::to_string(got.seed) + " \u00b7 " +
                              time_text(got.ran) + " of virtual time \u00b7 " +
                              counted(of.members.size(), "member") + ", " +
                              counted(of.relays.size(), "relay"));
  out += "</div></header>\n";
  if (missed == 0) return out;
  out += "<div class=\"missed\"><ul>\n";
  for (const auto& each : got.violations) {
    const auto kind = each.what == scenario::missed::kind::safety ? "safety" : "liveness";
    const auto where = each.where.line > 0 ? " (line " + std::to_string(each.where.line) + ")" : "";
    out += std::string{"<li><b>"} + kind + "</b> " + escaped(each.text + where) + "</li>\n";
  }
  return out + "</ul></div>\n";
}

std::string tile(const std::string& value, const std::string& about, bool bad = false) {
  return std::string{"<div class=\"tile"} + (bad ? " bad" : "") + "\"><b>" + escaped(value) +
         "</b><span>" + escaped(about) + "</span></div>\n";
}

std::string tiles(const drawing& what, const scenario::outcome& got) {
  const auto& n = what.numbers;
  const auto pairs = n.pairs.size();
  std::string out = "<div class=\"tiles\">\n";
  out += tile(count_text(n.connected) + " of " + count_text(pairs), "pairs connected",
              n.connected < pairs);
  out += n.connects.empty() ? tile("\u2013", "time to connect")
                            : tile(time_text(n.connects.quantile(500'000)),
                                   n.connects.weight() == 1
                                       ? "to connect"
                                       : "to connect, slowest " + time_text(n.connects.most()));
  const auto worst =
      std::max_element(n.pairs.begin(), n.pairs.end(), [](const auto& a, const auto& b) {
        return a.longest_outage < b.longest_outage;
      });
  const auto outage = worst == n.pairs.end() ? duration{} : worst->longest_outage;
  out += outage.count() == 0
             ? tile("none", "time without a path")
             : tile(time_text(outage),
                    "longest without a path: " + pair_name(what.of, what.record.pairs[worst->pair]),
                    true);
  out += n.regret.empty()
             ? tile("\u2013", "extra round trip")
             : tile(time_text(n.regret.mean()), "mean RTT above the best path, 99 % \u2264 " +
                                                    time_text(n.regret.quantile(p99_ppm)));
  out += tile(count_text(n.switches), "moves to another path");
  std::uint64_t sent = 0, answered = 0;
  for (const auto& each : got.streams) {
    sent += each.got.sent;
    answered += each.got.answered;
  }
  out += sent == 0 ? tile(count_text(got.packets_dropped),
                          "of " + counted(got.packets_sent, "packet") + " dropped")
                   : tile(count_text(sent - answered), "of " + counted(sent, "ping") + " lost");
  return out + "</div>\n";
}

std::string shown_of(std::size_t shown, std::size_t all, const char* what) {
  if (shown >= all) return {};
  return paragraph("hint", "The " + count_text(shown) + " worst of " + count_text(all) + ' ' +
                               what + " are shown, " + count_text(all - shown) +
                               " are left out: never connected first, then by time without a "
                               "path, then by extra round trip.");
}

std::string pair_table(const drawing& what) {
  const auto& n = what.numbers;
  std::string out = "<h2>Pairs</h2>\n" + shown_of(rows_max, n.pairs.size(), "pairs") +
                    "<table class=\"pairs\"><tr><th>pair<th>boxes<th class=n>connected "
                    "in<th class=n>direct<th class=n>relayed<th class=n>no path<th class=n>longest"
                    "<th class=n>moves<th class=n>extra RTT, mean<th class=n>99 %</tr>\n";
  auto order = worst_first(n);
  if (order.size() > rows_max) order.resize(rows_max);
  for (const auto i : order) {
    const auto& p = n.pairs[i];
    const auto& pair = what.record.pairs[p.pair];
    const auto share = [&](duration part) {
      return p.joined.count() == 0 ? std::string{"\u2013"}
                                   : percent_text(ppm_of(part.count(), p.joined.count()));
    };
    const auto cell = [](const std::string& text) { return "<td class=n>" + escaped(text); };
    out += "<tr><td>" + escaped(pair_name(what.of, pair)) + "<td>" +
           escaped(boxes_text(what.of, pair.a) + " \u2013 " + boxes_text(what.of, pair.b));
    out += cell(p.first_connect ? time_text(*p.first_connect) : "never");
    out += cell(share(p.direct)) + cell(share(p.relayed)) + cell(time_text(p.outage)) +
           cell(time_text(p.longest_outage)) + cell(count_text(p.switches));
    const bool any = !p.regret.empty();
    out += cell(any ? time_text(p.regret.mean()) : "\u2013") +
           cell(any ? time_text(p.regret.quantile(p99_ppm)) : "\u2013") + "</tr>\n";
  }
  return out + "</table>\n";
}

std::string stream_table(const drawing& what, const scenario::outcome& got) {
  if (got.streams.empty()) return {};
  std::string out = "<h2>Pings</h2>\n<table class=\"pings\"><tr><th>stream<th>from<th>to"
                    "<th class=n>sent<th class=n>answered<th class=n>lost<th class=n>longest "
                    "silence<th class=n>median RTT</tr>\n";
  for (std::size_t i = 0; i < std::min(got.streams.size(), rows_max); ++i) {
    const auto& each = got.streams[i];
    const auto found = std::find_if(what.of.streams.begin(), what.of.streams.end(),
                                    [&](const auto& entry) { return entry.name == each.name; });
    if (found == what.of.streams.end()) continue;
    out += "<tr><td>" + escaped(each.name) + "<td>" + escaped(what.of.members[found->from].name) +
           "<td>" + escaped(what.of.members[found->to].name) + "<td class=n>" +
           count_text(each.got.sent) + "<td class=n>" + count_text(each.got.answered) +
           "<td class=n>" + count_text(each.got.sent - each.got.answered) + "<td class=n>" +
           time_text(each.got.silence) + "<td class=n>" +
           (each.median_rtt ? time_text(*each.median_rtt) : "\u2013") + "</tr>\n";
  }
  return out + "</table>\n";
}

} // namespace

std::string timeline_legend(const drawing& what) {
  std::string out = "<div class=\"legend\">";
  const auto add = [&](const std::string& looks, const std::string& text) {
    out += "<span><i style=\"" + looks + "\"></i>" + escaped(text) + "</span>\n";
  };
  const auto plain = [](const char* color) { return std::string{"background:"} + color; };
  add(plain(path_color(path::direct)), "direct");
  for (std::uint32_t i = 0; i < std::min<std::size_t>(what.of.relays.size(), 4); ++i)
    add(plain(path_color(through(i))), "by " + what.of.relays[i].name);
  add("background:repeating-linear-gradient(45deg,#0072b2 0 3px,#fff 3px 6px)", "degraded");
  add("background:radial-gradient(#fff 30%,#e69f00 35%) 0 0/6px 6px", "trying another relay");
  add(plain("#b8bec6"), "connecting");
  add(plain("#cc79a7"), "reconnecting");
  add(plain("#d55e00"), "failed");
  add("border:1px dashed #9aa3ad", "daemon off");
  add("background:#d55e0073", "no packet gets through");
  add("background:none;border-top:3px solid #0072b2;height:0;vertical-align:3px", "RTT used");
  add("background:none;border-top:2px dotted #1b1f24;height:0;vertical-align:3px",
      "RTT of the best path at that moment");
  add("background:#cc79a759", "extra RTT");
  add("width:0;height:0;border:5px solid transparent;border-top:8px solid #1b1f24;border-bottom:0",
      "moved to another path");
  add("background:#b00020;width:5px", "pings lost");
  return out + "</div>\n";
}

std::string page(const scenario::script& of, const scenario::outcome& got, const std::string& file,
                 const std::string& rerun) {
  static const run_record none;
  const auto& record = got.record ? *got.record : none;
  const auto numbers = figures_of(record);
  const drawing what{of, record, numbers};
  auto out = head(what, got, file) + tiles(what, got);
  out += "<h2>What happened</h2>\n" + shown_of(lanes_max, numbers.pairs.size(), "pairs");
  if (record.pairs_left_out > 0)
    out += paragraph("hint", count_text(record.pairs_left_out) +
                                 " more pairs were not recorded and are in no figure.");
  out += timeline_legend(what) + timeline(what);
  out += "<div class=\"charts\"><div><h2>Time to connect</h2>" +
         paragraph("hint", "share of connects that took at most so long") + connect_chart(what) +
         "</div>\n<div><h2>Extra round trip, in hindsight</h2>" +
         paragraph("hint", "share of the connected time with at most so much more RTT") +
         regret_chart(what) + "</div>\n<div><h2>Packets dropped, by cause</h2>" +
         paragraph("hint", "of " + counted(got.packets_sent, "packet") +
                               " in the network; nat_filter is what boxes turn away while members "
                               "punch") +
         drop_chart(what) + "</div></div>\n";
  out += pair_table(what) + stream_table(what, got);
  out += "<h2>The same run again</h2>\n" +
         paragraph("hint", "lanrage " LANRAGE_VERSION ", log " + hash_text(got.log_hash) + " (" +
                               counted(got.lines, "line") + "), state " +
                               hash_text(got.state_hash) + ", " + counted(got.events, "event")) +
         "<pre id=\"rerun\">" + escaped(rerun) + "</pre>\n</body></html>\n";
  return out;
}

} // namespace lanrage::sim::report
