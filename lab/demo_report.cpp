#include "lab/demo_report.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace lanrage::lab {

namespace {

namespace json = boost::json;

/// Tenths are as exact as the laboratory is.
json::value number(const std::optional<milliseconds_f>& time) {
  if (!time) return nullptr;
  return std::round(time->count() * 10) / 10;
}

json::value whole(const std::optional<milliseconds_f>& time) {
  if (!time) return nullptr;
  return std::int64_t(std::llround(time->count()));
}

std::string shown(const std::optional<milliseconds_f>& time, int digits) {
  if (!time) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.*f ms", digits, time->count());
  return text;
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

/// Boost.JSON prints 31.2 as 3.12E1; people and their tools like it plain.
std::string print(const json::value& v) {
  if (v.is_double()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", v.as_double());
    return text;
  }
  std::string out;
  if (v.is_object()) {
    for (const auto& [key, value] : v.as_object())
      out += (out.empty() ? "" : ",") + json::serialize(json::value(key)) + ":" + print(value);
    return "{" + out + "}";
  }
  if (v.is_array()) {
    for (const auto& value : v.as_array())
      out += (out.empty() ? "" : ",") + print(value);
    return "[" + out + "]";
  }
  return json::serialize(v);
}

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::string{text};
}

} // namespace

std::string to_json(const demo_result& r) {
  json::object o;
  o["demo"] = r.problems.empty() ? "ok" : "failed";
  if (r.simulated) o["simulated"] = true;
  o["peers"] = r.peers;
  json::array pairs;
  for (const auto& p : r.pairs) {
    json::object pair;
    pair["a"] = p.a;
    pair["b"] = p.b;
    pair["nat"] = p.nat_a + "/" + p.nat_b;
    pair["strategy"] = text_or_null(p.strategy);
    pair["connect_ms"] = whole(p.connect);
    pair["rtt_ms"] = number(p.rtt);
    pair["lost"] = p.lost;
    pairs.push_back(pair);
  }
  o["pairs"] = pairs;
  o["relay_kill"] =
      json::object{{"pair", text_or_null(r.relay_kill_pair)}, {"outage_ms", whole(r.outage)}};
  o["daemon_kill"] = json::object{{"lost_packets", r.daemon_kill_lost}};
  if (!r.problems.empty()) {
    json::array problems;
    for (const auto& p : r.problems)
      problems.push_back(json::string{p});
    o["problems"] = problems;
  }
  return print(o);
}

std::string to_text(const demo_result& r) {
  std::vector<std::vector<std::string>> rows{
      {"pair", "nat", "strategy", "endpoint", "connect", "rtt", "lost"}};
  for (const auto& p : r.pairs)
    rows.push_back({p.a + "-" + p.b, p.nat_a + "/" + p.nat_b,
                    or_dash(p.strategy) + (p.relay.empty() ? "" : " (" + p.relay + ")"),
                    or_dash(p.endpoint), shown(p.connect, 0), shown(p.rtt, 1),
                    std::to_string(p.lost)});
  std::string text = table(rows);
  if (!r.relay_kill_pair.empty())
    text += r.killed_relay + " killed: " + r.relay_kill_pair +
            (r.outage ? " back after " + shown(r.outage, 0) : " never came back") + "\n";
  if (!r.killed_daemon.empty())
    text += r.killed_daemon +
            "'s daemon killed and started again: " + std::to_string(r.daemon_kill_lost) +
            " packets lost\n";
  for (const auto& p : r.problems)
    text += "PROBLEM: " + p + "\n";
  return text;
}

std::string to_text(const std::string& member, const words::status_view& status) {
  std::vector<std::vector<std::string>> rows{
      {"on " + member, "virtual ip", "status", "strategy", "endpoint", "latency"}};
  for (const auto& p : status.peers)
    rows.push_back({p.peer_id, or_dash(p.virtual_ip), or_dash(p.status),
                    or_dash(p.strategy) + (p.relay.empty() ? "" : " (" + p.relay + ")"),
                    or_dash(p.endpoint),
                    p.latency_ms ? shown(milliseconds_f{*p.latency_ms}, 1) : "-"});
  return table(rows);
}

bool matrix_cell::wrong() const {
  const auto rank = [](const std::string& how) { return how == "direct" ? 2 : how == "relay"; };
  return !problem.empty() || rank(strategy) < rank(expected);
}

bool matrix_result::ok() const {
  const auto wrong = [](const matrix_cell& c) { return c.wrong(); };
  return std::none_of(pairs.begin(), pairs.end(), wrong) &&
         std::none_of(more.begin(), more.end(), wrong);
}

namespace {

/// Nearest rank.
std::optional<milliseconds_f> p95(std::vector<milliseconds_f> all) {
  if (all.empty()) return std::nullopt;
  std::sort(all.begin(), all.end());
  return all[(all.size() * 95 + 99) / 100 - 1];
}

std::optional<milliseconds_f> p95(const std::vector<matrix_cell>& cells,
                                  std::optional<milliseconds_f> matrix_cell::*what) {
  std::vector<milliseconds_f> all;
  for (const auto& c : cells)
    if (c.*what) all.push_back(*(c.*what));
  return p95(std::move(all));
}

} // namespace

std::optional<milliseconds_f> matrix_result::direct_p95() const {
  return p95(pairs, &matrix_cell::direct);
}

std::optional<milliseconds_f> matrix_result::relayed_p95() const {
  return p95(pairs, &matrix_cell::relayed);
}

namespace {

json::array to_array(const std::vector<matrix_cell>& cells) {
  json::array list;
  for (const auto& c : cells) {
    json::object cell;
    cell["nat"] = c.nat_b.empty() ? c.nat_a : c.nat_a + "/" + c.nat_b;
    cell["strategy"] = text_or_null(c.strategy);
    cell["expected"] = text_or_null(c.expected);
    cell["connect_ms"] = whole(c.connect);
    cell["direct_ms"] = whole(c.direct);
    cell["relayed_ms"] = whole(c.relayed);
    if (!c.problem.empty()) cell["problem"] = json::string{c.problem};
    list.push_back(cell);
  }
  return list;
}

} // namespace

std::string to_json(const matrix_result& r) {
  const auto count = [](const std::vector<matrix_cell>& cells, const auto& wanted) {
    return std::count_if(cells.begin(), cells.end(), wanted);
  };
  const auto ends = [&](const char* how) {
    return count(r.pairs, [how](const matrix_cell& c) { return c.strategy == how; });
  };
  const auto wrong = [](const matrix_cell& c) { return c.wrong(); };
  json::object o;
  o["matrix"] = r.ok() ? "ok" : "failed";
  o["pairs"] = r.pairs.size();
  o["direct"] = ends("direct");
  o["relay"] = ends("relay");
  o["none"] = ends("");
  o["wrong"] = count(r.pairs, wrong) + count(r.more, wrong);
  o["direct_p95_ms"] = whole(r.direct_p95());
  o["relayed_p95_ms"] = whole(r.relayed_p95());
  o["cells"] = to_array(r.pairs);
  o["more"] = to_array(r.more);
  return print(o);
}

std::string to_text(const matrix_result& r) {
  std::vector<std::vector<std::string>> rows{
      {"nat", "nat", "reached", "connect", "relayed", "direct", ""}};
  for (const auto* cells : {&r.pairs, &r.more})
    for (const auto& c : *cells) {
      auto remark = c.problem;
      if (c.wrong() && remark.empty()) remark = "WRONG: expected " + or_dash(c.expected);
      if (!c.wrong() && c.strategy != c.expected) remark = "expected " + or_dash(c.expected);
      rows.push_back({c.nat_a, or_dash(c.nat_b), or_dash(c.strategy), shown(c.connect, 0),
                      shown(c.relayed, 0), shown(c.direct, 0), remark});
    }
  return table(rows) + "95 of 100 direct pairs were direct within " + shown(r.direct_p95(), 0) +
         ", and 95 of 100 pairs relayed within " + shown(r.relayed_p95(), 0) + "\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

} // namespace lanrage::lab
