#include "sim/invariants/sometimes.hpp"
#include "sim/report/figures.hpp"
#include "sim/report/markup.hpp"
#include "sim/scenario/runner.hpp"
#include "sim/sweep/sweep.hpp"
#include "sim/trace/numbers.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace lanrage::sim::sweep {
namespace {

using report::count_text;
using report::time_text;

constexpr std::size_t seeds_named_max = 12;

struct column {
  const char* title;
  bool right;
};

/// Columns as wide as their widest cell; the last is not padded.
template <std::size_t N>
std::string table(const std::array<column, N>& columns,
                  const std::vector<std::array<std::string, N>>& rows) {
  std::array<std::size_t, N> widths{};
  const auto widen = [&](std::size_t i, std::size_t size) {
    widths[i] = std::max(widths[i], size);
  };
  for (std::size_t i = 0; i < N; ++i) {
    widen(i, std::string_view{columns[i].title}.size());
    for (const auto& row : rows)
      widen(i, row[i].size());
  }
  std::string out;
  const auto put = [&](const auto& text_of) {
    std::string line;
    for (std::size_t i = 0; i < N; ++i) {
      const std::string text = text_of(i);
      const std::string pad(widths[i] - text.size(), ' ');
      line += (i == 0 ? "" : "  ") + (columns[i].right ? pad + text : text + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  put([&](std::size_t i) { return std::string{columns[i].title}; });
  for (const auto& row : rows)
    put([&](std::size_t i) { return row[i]; });
  return out;
}

std::string miss_text(const miss& of) {
  const bool safety = of.what == scenario::missed::kind::safety;
  return (of.line > 0 ? "line " + std::to_string(of.line) + ": " : "") +
         (safety ? "safety: " : "liveness: ") + of.text;
}

const char* word_of(const row& of) {
  switch (exit_of(of)) {
  case 0:
    return "ok";
  case 10:
    return "safety";
  case 11:
    return "liveness";
  default:
    return "crashed";
  }
}

std::string seeds_table(const std::vector<row>& rows) {
  static constexpr std::array<column, 6> columns{{{"seed", true},
                                                  {"result", false},
                                                  {"virtual", true},
                                                  {"events", true},
                                                  {"log", false},
                                                  {"missed", false}}};
  std::vector<std::array<std::string, 6>> cells;
  for (const auto& each : rows) {
    std::string why;
    if (each.crash) why = *each.crash;
    if (!each.missed.empty()) why = miss_text(each.missed.front());
    if (each.missed.size() > 1) why += " (and " + std::to_string(each.missed.size() - 1) + " more)";
    const bool ran = !each.crash;
    cells.push_back({std::to_string(each.seed), word_of(each),
                     ran ? scenario::seconds_text(each.ran) : "-",
                     ran ? count_text(each.events) : "-", ran ? each.log_hash : "-", why});
  }
  return table(columns, cells);
}

/// Seeds that failed in the same way: the same expectation, or the same crash.
struct cause {
  std::string text; ///< of its shortest run
  std::vector<std::uint64_t> seeds;
  const row* shortest = nullptr;
};

std::vector<cause> causes(const std::vector<row>& rows) {
  std::map<std::string, cause> by_key;
  const auto add = [&](const std::string& key, const std::string& text, const row& of) {
    auto& into = by_key[key];
    if (!into.seeds.empty() && into.seeds.back() == of.seed) return;
    into.seeds.push_back(of.seed);
    if (into.shortest && into.shortest->events <= of.events) return;
    into.shortest = &of;
    into.text = text;
  };
  for (const auto& each : rows) {
    if (each.crash) add("crash " + *each.crash, "crashed: " + *each.crash, each);
    for (const auto& missed : each.missed)
      // Without a place there is only the text to tell causes apart by.
      add(std::to_string(static_cast<int>(missed.what)) + ' ' + std::to_string(missed.line) +
              (missed.line > 0     ? ""
               : missed.id.empty() ? missed.text
                                   : missed.id),
          miss_text(missed), each);
  }
  std::vector<cause> out;
  for (auto& [key, each] : by_key)
    out.push_back(std::move(each));
  // What is fastest to look into comes first.
  std::stable_sort(out.begin(), out.end(), [](const cause& a, const cause& b) {
    return std::pair{a.shortest->events, a.shortest->seed} <
           std::pair{b.shortest->events, b.shortest->seed};
  });
  return out;
}

std::string rerun(const heading& about, std::uint64_t seed) {
  scenario::script script;
  scenario::run_options how;
  how.seed = seed;
  if (about.until) how.until = trace::parse_duration(*about.until);
  if (about.trace) how.trace = *about.trace;
  if (about.plan) how.plan_file = *about.plan;
  how.draw_faults = about.faults;
  how.count = about.count;
  return scenario::rerun_command(about.scenario, script, how);
}

std::string failures(const results& of) {
  std::string out;
  for (const auto& each : causes(of.rows)) {
    out += '\n' + count_text(each.seeds.size()) + " of " + count_text(of.rows.size()) +
           (of.rows.size() == 1 ? " seed: " : " seeds: ") + each.text + "\n  seed";
    if (each.seeds.size() > 1) out += 's';
    for (std::size_t i = 0; i < std::min(each.seeds.size(), seeds_named_max); ++i)
      out += (i == 0 ? " " : ", ") + std::to_string(each.seeds[i]);
    if (each.seeds.size() > seeds_named_max)
      out += " and " + count_text(each.seeds.size() - seeds_named_max) + " more";
    out += "\n  " + rerun(of.about, each.shortest->seed) + '\n';
  }
  return out;
}

std::string figures_table(const std::vector<row>& rows) {
  struct figure {
    const char* name;
    report::distribution of;
  };
  std::array<figure, 5> all{{{"median connect", {}},
                             {"slowest connect", {}},
                             {"longest without a path", {}},
                             {"extra RTT, mean", {}},
                             {"extra RTT, 99 %", {}}}};
  report::distribution switches;
  for (const auto& each : rows) {
    if (each.crash) continue;
    if (each.connect_median) all[0].of.add(*each.connect_median);
    if (each.connect_most) all[1].of.add(*each.connect_most);
    all[2].of.add(each.longest_outage);
    if (each.regret_mean) all[3].of.add(*each.regret_mean);
    if (each.regret_p99) all[4].of.add(*each.regret_p99);
    switches.add(duration{static_cast<std::int64_t>(each.switches)});
  }
  static constexpr std::array<column, 4> columns{
      {{"of a seed", false}, {"median", true}, {"99 %", true}, {"worst", true}}};
  constexpr std::int64_t half = 500'000, most = 990'000;
  std::vector<std::array<std::string, 4>> cells;
  for (const auto& each : all)
    if (!each.of.empty())
      cells.push_back({each.name, time_text(each.of.quantile(half)),
                       time_text(each.of.quantile(most)), time_text(each.of.most())});
  if (switches.empty()) return {};
  const auto count = [](duration of) { return std::to_string(of.count()); };
  cells.push_back({"moves to another path", count(switches.quantile(half)),
                   count(switches.quantile(most)), count(switches.most())});
  return '\n' + table(columns, cells);
}

/// Only where plans were.
std::string faults_table(const std::vector<row>& rows) {
  const auto seen = seen_faults(rows);
  return seen.empty() ? std::string{} : '\n' + faults::matrix_text(seen);
}

std::string totals(const std::vector<row>& rows) {
  std::map<int, std::size_t> by_exit;
  for (const auto& each : rows)
    ++by_exit[exit_of(each)];
  return '\n' + count_text(rows.size()) + (rows.size() == 1 ? " seed: " : " seeds: ") +
         count_text(by_exit[0]) + " ok, " + count_text(by_exit[10]) + " safety, " +
         count_text(by_exit[11]) + " liveness, " + count_text(by_exit[13]) + " crashed\n";
}

/// What was seen, in the order of sometimes.hpp, then what else was counted; and what was not.
std::string seen_text(const results& of) {
  struct tally {
    std::uint64_t seeds = 0;
    std::uint64_t times = 0;
  };
  std::map<std::string, tally> by_name;
  for (const auto& each : of.rows)
    for (const auto& [name, times] : each.seen) {
      ++by_name[name].seeds;
      by_name[name].times += times;
    }
  if (by_name.empty()) return {};
  static constexpr std::array<column, 3> columns{
      {{"seen", false}, {"seeds", true}, {"times", true}}};
  std::vector<std::array<std::string, 3>> cells;
  const auto put = [&](const std::string& name, const tally& is) {
    cells.push_back({name, count_text(is.seeds), count_text(is.times)});
  };
  for (const auto& name : invariants::sometimes_all())
    if (const auto node = by_name.extract(name); !node.empty()) put(name, node.mapped());
  for (const auto& [name, is] : by_name)
    put(name, is);
  std::string out = '\n' + table(columns, cells);
  const auto never = never_seen(of);
  for (std::size_t i = 0; i < never.size(); ++i)
    out += (i == 0 ? "never seen: " : ", ") + never[i];
  return never.empty() ? out : out + '\n';
}

} // namespace

std::string report_text(const results& of) {
  return seeds_table(of.rows) + figures_table(of.rows) + seen_text(of) + failures(of) +
         faults_table(of.rows) + totals(of.rows);
}

} // namespace lanrage::sim::sweep
