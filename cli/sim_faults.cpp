#include "cli/sim_faults.hpp"

#include "cli/json_text.hpp"
#include "cli/terminal.hpp"
#include "sim/faults/kinds.hpp"
#include "sim/faults/read_plan.hpp"
#include "sim/faults/shrink.hpp"
#include "sim/scenario/script.hpp"
#include "sim/trace/numbers.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <iostream>
#include <memory>

namespace lanrage::cli {
namespace {

namespace faults = sim::faults;
namespace scenario = sim::scenario;

// --- the list ------------------------------------------------------------------------------------

std::string aims_text(const faults::kind& of) {
  if (of.links) return "links";
  std::string out;
  for (const auto& [bit, word] : {std::pair{faults::aim_members, "members"},
                                  {faults::aim_boxes, "boxes"},
                                  {faults::aim_relays, "relays"},
                                  {faults::aim_control, "control"}})
    if (of.at & bit) out += (out.empty() ? "" : ", ") + std::string{word};
  return out;
}

std::string argument_text(const faults::argument& of) {
  if (of.is == faults::measure::word) return std::string{of.name} + " = " + of.about;
  return std::string{of.name} + " (" + faults::value_text(of, of.usual) + ", " +
         faults::value_text(of, of.least) + " to " + faults::value_text(of, of.most) +
         "): " + of.about;
}

boost::json::object to_json(const faults::kind& of) {
  boost::json::array arguments;
  for (const auto& each : of.arguments)
    arguments.push_back(boost::json::object{{"name", each.name},
                                            {"usual", faults::value_text(each, each.usual)},
                                            {"least", faults::value_text(each, each.least)},
                                            {"most", faults::value_text(each, each.most)},
                                            {"about", each.about}});
  return {{"id", of.id},           {"name", of.name},       {"seam", faults::to_string(of.where)},
          {"on", aims_text(of)},   {"instant", of.instant}, {"about", of.about},
          {"arguments", arguments}};
}

// --- shrinking -----------------------------------------------------------------------------------

/// Runs of one scenario with other plans, ends and counts.
class runner {
 public:
  explicit runner(const shrink_options& what) : what_(what) {}

  /// What the first violation is about; a crash has its text; empty when all went well.
  std::string violation(const faults::trial& of) {
    auto how = what_.run;
    how.until = of.until;
    how.count = of.count;
    how.draw_faults = false;
    how.plan = of.what;
    const auto script = scenario::load(what_.scenario, {of.count});
    if (!script || !fits(of.what, *script)) return {};
    try {
      const auto got = scenario::run(*script, what_.scenario, how);
      if (!got) return {};
      last_text_ = got->violations.empty() ? std::string{} : got->violations.front().text;
      return scenario::first_violation(*got);
    } catch (const std::exception& defect) {
      last_text_ = defect.what();
      return "crash " + last_text_;
    }
  }
  const std::string& last_text() const { return last_text_; }

 private:
  /// With fewer members some names are nobody's.
  static bool fits(const faults::plan& of, const scenario::script& script) {
    return faults::parse_plan(faults::to_toml(of), "", script).has_value();
  }
  const shrink_options& what_;
  std::string last_text_;
};

/// The largest `count` of a [[member]]: as many as there are members, where it reads with fewer.
std::uint32_t largest_count(const std::filesystem::path& file, const scenario::script& whole) {
  const auto fewest = scenario::load(file, {1U});
  if (fewest && fewest->members.size() == whole.members.size()) return 0;
  return static_cast<std::uint32_t>(whole.members.size());
}

std::string plural(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

void show(const faults::trial& now, std::size_t runs) {
  if (::isatty(STDERR_FILENO) != 1) return;
  std::cerr << "\r" << plural(runs, "run") << ", " << plural(now.what.faults.size(), "fault")
            << " left, " << scenario::seconds_text(now.until) << "\x1b[K" << std::flush;
}

} // namespace

sim_exit sim_list_faults(bool json) {
  if (json) {
    boost::json::array all;
    for (const auto& each : faults::kinds())
      all.push_back(to_json(each));
    std::cout << to_line(all) << '\n';
    return sim_exit::good;
  }
  for (const auto& each : faults::kinds()) {
    std::cout << faults::label(each.id) << " [" << faults::to_string(each.where) << "; on "
              << aims_text(each) << (each.instant ? "; a moment" : "") << "] " << each.about
              << '\n';
    for (const auto& argument : each.arguments)
      std::cout << "    " << argument_text(argument) << '\n';
  }
  const auto known = std::count_if(faults::kinds().begin(), faults::kinds().end(),
                                   [](const auto& each) { return each.id <= faults::ids; });
  std::cout << known << " of the " << faults::ids << " ids of the taxonomy\n";
  return sim_exit::good;
}

sim_exit sim_shrink(const shrink_options& wanted) {
  spdlog::set_level(spdlog::level::off);
  auto what = wanted;
  const auto script = load_scenario(what.scenario, what.run);
  if (!script) return report(script.error(), false);
  what.run.seed = what.run.seed.value_or(script->seed);
  const faults::trial first{scenario::plan_of(*script, what.run).what,
                            what.run.until.value_or(script->until), what.run.count};
  runner runs{what};
  const auto wrong = runs.violation(first);
  if (wrong.empty()) {
    std::cerr << "lanrage: there is nothing to shrink: this run meets its expectations: "
              << printable(scenario::rerun_command(what.scenario, *script, what.run)) << '\n';
    return sim_exit::failed;
  }
  auto text = runs.last_text();
  std::cout << "# shrinking: " << printable(wrong) << ": " << printable(text) << '\n' << std::flush;
  std::size_t made = 0;
  const auto fails = [&](const faults::trial& each) {
    ++made;
    show(each, made);
    if (runs.violation(each) != wrong) return false;
    text = runs.last_text();
    return true;
  };
  faults::shrink_limits most;
  most.count = what.run.count.value_or(largest_count(what.scenario, *script));
  most.runs_max = what.runs;
  const auto got = faults::shrink(first, fails, most);
  if (::isatty(STDERR_FILENO) == 1) std::cerr << '\n';

  auto how = what.run;
  how.until = got.best.until;
  how.count = got.best.count;
  how.draw_faults = false;
  how.plan_file = what.out;
  const auto rerun = scenario::rerun_command(what.scenario, *script, how);
  const auto summary = "from " + plural(first.what.faults.size(), "fault") + " and " +
                       scenario::seconds_text(first.until) + " to " +
                       plural(got.best.what.faults.size(), "fault") + " and " +
                       scenario::seconds_text(got.best.until) + ", in " + plural(got.runs, "run") +
                       (got.complete ? "" : "; --runs was reached, it may shrink further");
  const auto plan =
      faults::to_toml(got.best.what, {printable(wrong + ": " + text), summary, rerun});
  if (!save_text(what.out, plan)) return sim_exit::failed;
  std::cout << "# " << summary << '\n' << rerun << '\n' << std::flush;
  return sim_exit::good;
}

void add_sim_faults(CLI::App& sim, std::function<int()>& command) {
  auto& list = *sim.add_subcommand("faults", "What can break in a run, and how");
  const auto json = std::make_shared<bool>(false);
  list.add_flag("--json", *json, "One line of JSON");
  list.callback([json, &command] { command = [json] { return to_int(sim_list_faults(*json)); }; });
}

} // namespace lanrage::cli
