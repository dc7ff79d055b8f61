#include "cli/sim.hpp"

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "sim/event_log.hpp"

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

std::string place_text(const sim_options& what, const scenario::missed& missed) {
  auto out = what.scenario.string();
  if (missed.where.line > 0) out += ':' + std::to_string(missed.where.line);
  return out;
}

boost::json::object to_json(const sim_options& what, const scenario::outcome& got,
                            sim::duration wall) {
  boost::json::array streams;
  for (const auto& each : got.streams)
    streams.push_back(to_json(each));
  boost::json::array missed;
  for (const auto& each : got.violations)
    missed.push_back(boost::json::object{
        {"kind", each.what == scenario::missed::kind::safety ? "safety" : "liveness"},
        {"where", place_text(what, each)},
        {"text", each.text}});
  return {{"scenario", what.scenario.stem().string()},
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
          {"missed", missed}};
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
  std::cout << "log " << sim::hash_text(got.log_hash) << " (" << got.lines << " lines), state "
            << sim::hash_text(got.state_hash) << '\n';
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

sim_exit sim_run(const sim_options& what) {
  spdlog::set_level(spdlog::level::off); // what daemons say is in the log as events
  const auto script = scenario::load(what.scenario);
  if (!script) return report(script.error(), what.json);
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
  const auto began = clock::now();
  try {
    const auto got = scenario::run(*script, what.scenario, options);
    if (!got) return report(got.error(), what.json);
    const auto wall = clock::now() - began;
    log.line("# " + rerun);
    if (!log.finish()) return cannot_write(what);
    if (speaks) print(*got, wall);
    std::cout << std::flush;
    print_missed(what, *got);
    if (what.json)
      std::cout << to_line(to_json(what, *got, wall)) << '\n';
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
