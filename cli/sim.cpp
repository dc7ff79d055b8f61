#include "cli/sim.hpp"

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/sim_faults_json.hpp"
#include "cli/terminal.hpp"
#include "sim/event_log.hpp"
#include "sim/faults/read_plan.hpp"
#include "sim/report/markup.hpp"
#include "sim/report/page.hpp"
#include "sim/trace/sink.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <fstream>
#include <iostream>

namespace lanrage::cli {
namespace {

namespace scenario = sim::scenario;
using clock = std::chrono::steady_clock;

double in_seconds(sim::duration time) {
  return std::chrono::duration<double>(time).count();
}

boost::json::object to_json(const scenario::stream_outcome& of) {
  boost::json::object out{{"name", of.name},
                          {"sent", of.got.sent},
                          {"answered", of.got.answered},
                          {"lost", of.got.sent - of.got.answered},
                          {"silence_s", in_seconds(of.got.silence)}};
  out["median_rtt_ms"] =
      of.median_rtt ? boost::json::value(in_seconds(*of.median_rtt) * 1'000) : nullptr;
  return out;
}

boost::json::value in_ms(std::optional<sim::duration> time) {
  constexpr double ns_per_ms = 1'000'000;
  return time ? boost::json::value(static_cast<double>(time->count()) / ns_per_ms) : nullptr;
}

/// What a distribution says; absent when there is nothing in it.
std::optional<sim::duration> quantile(const sim::report::distribution& of, std::int64_t ppm) {
  return of.empty() ? std::nullopt : std::optional{of.quantile(ppm)};
}
constexpr std::int64_t half = 500'000;
constexpr std::int64_t most = 990'000;
constexpr std::int64_t all = 1'000'000;
std::optional<sim::duration> mean(const sim::report::distribution& of) {
  return of.empty() ? std::nullopt : std::optional{of.mean()};
}

/// Of the worst pairs first; no more than people can look at.
boost::json::array pairs_json(const scenario::script& of, const sim::report::run_record& record,
                              const sim::report::figures& numbers) {
  constexpr std::size_t pairs_max = 200;
  boost::json::array out;
  for (const auto i : sim::report::worst_first(numbers)) {
    if (out.size() == pairs_max) break;
    const auto& pair = numbers.pairs[i];
    const auto& who = record.pairs[pair.pair];
    out.push_back(boost::json::object{{"pair", {of.members[who.a].name, of.members[who.b].name}},
                                      {"connect_ms", in_ms(pair.first_connect)},
                                      {"direct_s", in_seconds(pair.direct)},
                                      {"relayed_s", in_seconds(pair.relayed)},
                                      {"outage_s", in_seconds(pair.outage)},
                                      {"longest_outage_s", in_seconds(pair.longest_outage)},
                                      {"regret_mean_ms", in_ms(mean(pair.regret))},
                                      {"regret_p99_ms", in_ms(quantile(pair.regret, most))},
                                      {"switches", pair.switches}});
  }
  return out;
}

void add_figures(boost::json::object& to, const scenario::script& of,
                 const sim::report::run_record& record) {
  const auto numbers = sim::report::figures_of(record);
  sim::duration outage{};
  for (const auto& each : numbers.pairs)
    outage = std::max(outage, each.longest_outage);
  to["connected"] = numbers.connected;
  to["connect_p50_ms"] = in_ms(quantile(numbers.connects, half));
  to["connect_max_ms"] = in_ms(quantile(numbers.connects, all));
  to["longest_outage_s"] = in_seconds(outage);
  to["regret_mean_ms"] = in_ms(mean(numbers.regret));
  to["regret_p99_ms"] = in_ms(quantile(numbers.regret, most));
  to["switches"] = numbers.switches;
  to["pairs"] = pairs_json(of, record, numbers);
  to["pairs_all"] = numbers.pairs.size() + record.pairs_left_out;
}

std::string place_text(const sim_options& what, const scenario::missed& missed) {
  auto out = what.scenario.string();
  if (missed.where.line > 0) out += ':' + std::to_string(missed.where.line);
  return out;
}

boost::json::object to_json(const sim_options& what, const scenario::script& of,
                            const scenario::outcome& got, sim::duration wall) {
  boost::json::array streams;
  for (const auto& each : got.streams)
    streams.push_back(to_json(each));
  boost::json::array missed;
  for (const auto& each : got.violations)
    missed.push_back(boost::json::object{
        {"kind", each.what == scenario::missed::kind::safety ? "safety" : "liveness"},
        {"where", place_text(what, each)},
        {"text", each.text},
        {"id", each.id}});
  boost::json::object seen;
  for (const auto& [name, times] : got.seen)
    seen[name] = times;
  boost::json::object out{{"scenario", what.scenario.stem().string()},
                          {"seed", got.seed},
                          {"virtual_s", in_seconds(got.ran)},
                          {"wall_s", in_seconds(wall)},
                          {"events", got.events},
                          {"log_hash", sim::hash_text(got.log_hash)},
                          {"state_hash", sim::hash_text(got.state_hash)},
                          {"violations", got.violations.size()},
                          {"lines", got.lines},
                          {"packets_sent", got.packets_sent},
                          {"packets_dropped", got.packets_dropped},
                          {"pings", streams},
                          {"missed", missed},
                          {"seen", seen}};
  if (got.record) add_figures(out, of, *got.record);
  if (!got.faults.empty()) out["faults"] = faults_json(got.faults);
  return out;
}

void print_figures(const sim::report::figures& of) {
  if (of.pairs.empty()) return;
  std::cout << of.connected << " of " << of.pairs.size() << " pairs connected";
  if (!of.connects.empty())
    std::cout << ", the slowest within " << sim::report::time_text(of.connects.most());
  std::cout << ", " << of.switches << " moves to another path\n";
  if (of.regret.empty()) return;
  std::cout << "round trips " << sim::report::time_text(*mean(of.regret))
            << " above the best path on average, 99 % at most "
            << sim::report::time_text(*quantile(of.regret, most)) << '\n';
}

void print_faults(const std::vector<sim::faults::seen_kind>& of) {
  for (const auto& each : of) {
    std::cout << sim::faults::label(each.kind) << ": ";
    if (each.fired == 0)
      std::cout << "never fired";
    else
      std::cout << "fired " << each.fired << (each.fired == 1 ? " time" : " times");
    std::cout << '\n';
  }
}

void print(const scenario::outcome& got, sim::duration wall) {
  std::cout << scenario::seconds_text(got.ran) << " of virtual time in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(wall).count() << " ms, "
            << got.events << " events, " << got.packets_sent << " packets (" << got.packets_dropped
            << " dropped)\n";
  for (const auto& each : got.streams) {
    std::cout << "pings " << each.name << ": " << each.got.answered << " of " << each.got.sent
              << " answered, longest silence " << scenario::seconds_text(each.got.silence);
    if (each.median_rtt) std::cout << ", median " << in_seconds(*each.median_rtt) * 1'000 << " ms";
    std::cout << '\n';
  }
  if (got.record) print_figures(sim::report::figures_of(*got.record));
  std::cout << "log " << sim::hash_text(got.log_hash) << " (" << got.lines << " lines), state "
            << sim::hash_text(got.state_hash) << '\n';
  if (!got.faults.empty()) print_faults(got.faults);
  if (got.violations.empty()) std::cout << "all expectations met\n";
}

/// Where the log goes: nowhere, a file, or standard output.
class log_file {
 public:
  explicit log_file(const std::optional<std::filesystem::path>& where) {
    if (!where) return;
    if (*where == "-") {
      out_ = &std::cout;
      return;
    }
    file_.open(*where, std::ios::binary | std::ios::trunc);
    out_ = &file_;
  }
  bool good() const { return !out_ || out_->good(); }
  void line(const std::string& text) {
    if (out_) *out_ << text << '\n';
  }
  void raw(std::string_view line) {
    if (out_) *out_ << line;
  }
  bool finish() {
    if (out_) out_->flush();
    return good();
  }

 private:
  std::ofstream file_;
  std::ostream* out_ = nullptr;
};

sim_exit cannot_write(const sim_options& what) {
  std::cerr << "lanrage: the log cannot be written: " << printable(what.log->string()) << '\n';
  return sim_exit::failed;
}

} // namespace

scenario::result<scenario::script> load_scenario(const std::filesystem::path& file,
                                                 scenario::run_options& how) {
  auto script = scenario::load(file, {how.count});
  if (!script || !how.plan_file) return script;
  auto plan = sim::faults::load_plan(*how.plan_file, *script);
  if (!plan) return plan.error();
  how.plan = std::move(*plan);
  return script;
}

bool save_text(const std::filesystem::path& where, const std::string& text) {
  sim::trace::file_sink sink{where};
  auto done = sink.open();
  if (done) done = sink.write(text);
  if (done) done = sink.commit();
  if (!done) std::cerr << "lanrage: " << printable(sim::trace::to_string(done.error())) << '\n';
  return done.has_value();
}

sim_exit report(const scenario::bad_input& what, bool json) {
  std::string text;
  for (const auto& line : what.lines)
    text += (text.empty() ? "" : "\n") + line;
  report(failure{"bad_input", text, {}}, json);
  return sim_exit::bad_input;
}

sim_exit exit_of(const scenario::outcome& got) {
  auto out = sim_exit::good;
  for (const auto& each : got.violations) {
    if (each.what == scenario::missed::kind::safety) return sim_exit::safety;
    out = sim_exit::liveness;
  }
  return out;
}

void print_missed(const sim_options& what, const scenario::outcome& got) {
  for (const auto& each : got.violations)
    std::cerr << printable(place_text(what, each)) << ": "
              << (each.what == scenario::missed::kind::safety ? "safety" : "liveness") << ": "
              << printable(each.text) << '\n';
}

sim_exit sim_run(const sim_options& wanted) {
  spdlog::set_level(spdlog::level::off); // what daemons say is in the log as events
  auto what = wanted;
  const auto script = load_scenario(what.scenario, what.run);
  if (!script) return report(script.error(), what.json);
  if (what.write_plan &&
      !save_text(*what.write_plan, sim::faults::to_toml(scenario::plan_of(*script, what.run).what)))
    return sim_exit::failed;
  log_file log{what.log};
  if (!log.good()) return cannot_write(what);
  const bool speaks = !what.json && what.log != std::filesystem::path{"-"};
  const auto rerun = scenario::rerun_command(what.scenario, *script, what.run);
  for (const auto& line : scenario::preamble(*script, what.scenario, what.run)) {
    log.line(line);
    if (speaks) std::cout << printable(line) << '\n';
  }
  auto options = what.run;
  options.to_log = [&](std::string_view line) { log.raw(line); };
  options.record = true;
  const auto began = clock::now();
  try {
    const auto got = scenario::run(*script, what.scenario, options);
    if (!got) return report(got.error(), what.json);
    const auto wall = clock::now() - began;
    log.line("# " + rerun);
    if (!log.finish()) return cannot_write(what);
    if (what.report) {
      auto played = *script;
      played.faults = scenario::plan_of(*script, what.run).what;
      const auto page = sim::report::page(played, *got, what.scenario.string(), rerun);
      if (!save_text(*what.report, page)) return sim_exit::failed;
    }
    if (speaks) print(*got, wall);
    std::cout << std::flush;
    print_missed(what, *got);
    if (what.json)
      std::cout << to_line(to_json(what, *script, *got, wall)) << '\n';
    else if (speaks)
      std::cout << rerun << '\n';
    return exit_of(*got);
  } catch (const std::exception& defect) {
    log.line("# crashed: " + std::string{defect.what()});
    log.line("# " + rerun);
    log.finish();
    std::cerr << "lanrage: the simulation crashed: " << printable(defect.what()) << '\n';
    if (speaks) std::cout << rerun << '\n';
    return sim_exit::crashed;
  }
}

} // namespace lanrage::cli
