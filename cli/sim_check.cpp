#include "cli/sim.hpp"
#include "cli/terminal.hpp"
#include "lab/process.hpp"
#include "sim/event_log.hpp"
#include "sim/scenario/check.hpp"

#include <spdlog/spdlog.h>

#include <iostream>
#include <stdexcept>

/// `lanrage sim check`: is a scenario's log the same again, here and in another process?
namespace lanrage::cli {
namespace {

namespace scenario = sim::scenario;

/// A run that says nothing for that long has not come to its end.
constexpr auto patience = std::chrono::minutes{30};

scenario::log_run here(const scenario::script& what, const sim_options& how) {
  return [&](const std::function<void(std::string_view)>& line) {
    auto options = how.run;
    options.to_log = [&](std::string_view text) {
      text.remove_suffix(1); // its line break
      line(text);
    };
    const auto got = scenario::run(what, how.scenario, options);
    if (!got) throw std::runtime_error(got.error().lines.front());
  };
}

scenario::log_run elsewhere(const scenario::script& what, const sim_options& how) {
  return [&](const std::function<void(std::string_view)>& line) {
    lab::process_spec spec;
    spec.argv = {"/proc/self/exe",
                 "sim",
                 "run",
                 how.scenario.string(),
                 "--seed",
                 std::to_string(how.run.seed.value_or(what.seed)),
                 "--log",
                 "-"};
    for (auto& each : scenario::arguments_of(how.run))
      spec.argv.push_back(std::move(each));
    spec.err = lab::to_null{};
    lab::process other{spec};
    while (const auto text = other.read_line(lab::process::clock::now() + patience))
      if (!text->starts_with('#')) line(*text);
    const auto ended = other.wait_for(std::chrono::seconds{10});
    // Expectations are no matter here; anything else is.
    const bool ran =
        ended && ended->signal == 0 && (ended->code == 0 || ended->code == 10 || ended->code == 11);
    if (!ran) throw std::runtime_error("the other process did not come to its end");
  };
}

void print_lines(const std::vector<std::string>& lines, char mark) {
  for (const auto& each : lines)
    std::cout << mark << ' ' << printable(each) << '\n';
  if (lines.empty() && mark != ' ') std::cout << mark << " (the log ends here)\n";
}

sim_exit print_difference(const std::string& who, const scenario::difference& found,
                          scenario::digest::range where) {
  std::cout << "not deterministic: " << who << " wrote another log";
  if (found.line == 0) {
    std::cout << "; the difference was in lines " << where.begin + 1 << " to " << where.end
              << " and did not show when both ran again\n";
    return sim_exit::not_deterministic;
  }
  std::cout << " from line " << found.line << " on (- first run, + " << who << ")\n";
  print_lines(found.before, ' ');
  print_lines(found.one, '-');
  print_lines(found.other, '+');
  return sim_exit::not_deterministic;
}

sim_exit check(const scenario::script& script, const sim_options& what) {
  const auto mine = here(script, what);
  const auto first = scenario::digest_of(mine);
  const std::pair<const char*, scenario::log_run> others[] = {
      {"the second run", mine}, {"the run in another process", elsewhere(script, what)}};
  for (const auto& [who, run] : others) {
    const auto again = scenario::digest_of(run);
    if (const auto where = scenario::first_difference(first, again))
      return print_difference(who, scenario::look_closely(mine, run, *where), *where);
  }
  std::cout << "the same three times: " << first.lines() << " lines\n";
  return sim_exit::good;
}

} // namespace

sim_exit sim_check(const sim_options& options) {
  spdlog::set_level(spdlog::level::off);
  auto what = options;
  const auto script = load_scenario(what.scenario, what.run);
  if (!script) return report(script.error(), what.json);
  // Bad traces are bad input, not a crash: look before anything runs.
  auto nothing = what.run;
  nothing.until = sim::duration{1};
  try {
    const auto usable = scenario::run(*script, what.scenario, nothing);
    if (!usable) return report(usable.error(), what.json);
    return check(*script, what);
  } catch (const std::exception& defect) {
    std::cerr << "lanrage: the simulation crashed: " << printable(defect.what()) << '\n';
    std::cout << scenario::rerun_command(what.scenario, *script, what.run) << '\n';
    return sim_exit::crashed;
  }
}

} // namespace lanrage::cli
