#include "cli/sim.hpp"
#include "cli/sim_policy.hpp"
#include "sim/scenario/script.hpp"
#include "sim/trace/numbers.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace lanrage::cli {
namespace {

/// What parsing fills in, kept alive by the subcommands' callbacks.
struct arguments {
  sim_options run;
  golden_options golden;
};
using shared = std::shared_ptr<arguments>;

void add_common(CLI::App& to, const shared& a) {
  to.add_option("SCENARIO", a->run.scenario, "The scenario (TOML)")->required();
  to.add_option_function<std::string>(
        "--seed",
        [a](const std::string& text) {
          const auto seed = sim::trace::parse_count(text);
          if (!seed) throw CLI::ValidationError("--seed", "'" + text + "' is no seed: 0 to 2^63-1");
          a->run.run.seed = static_cast<std::uint64_t>(*seed);
        },
        "Instead of the scenario's")
      ->type_name("N");
  to.add_option_function<std::string>(
        "--until",
        [a](const std::string& text) {
          const auto until = sim::trace::parse_duration(text);
          if (!until || until->count() == 0 || *until > sim::scenario::limits::until)
            throw CLI::ValidationError("--until",
                                       "'" + text + "' is no duration up to 30d, such as 90s");
          a->run.run.until = *until;
        },
        "End there in virtual time, instead of where the scenario says")
      ->type_name("T");
  to.add_option_function<std::string>(
        "--trace", [a](const std::string& path) { a->run.run.trace = path; },
        "Follow this trace instead of every one the scenario names")
      ->type_name("F");
}

} // namespace

void add_sim(CLI::App& app, std::function<int()>& command) {
  auto a = std::make_shared<arguments>();
  auto& sim = *app.add_subcommand("sim", "The daemon's actors in a virtual world, on virtual time");
  sim.require_subcommand(1);
  sim.footer("Exit codes: 0 done, 2 bad input, 10 safety violated, 11 liveness violated, "
             "12 not deterministic, 13 crashed.");

  auto& run = *sim.add_subcommand("run", "Run a scenario and hold it against its expectations");
  add_common(run, a);
  run.add_flag("--json", a->run.json, "End with one line of JSON");
  run.add_option_function<std::string>(
         "--log", [a](const std::string& path) { a->run.log = path; },
         "Write the event log; - is standard output, which has nothing else then")
      ->type_name("F");
  run.callback([a, &command] { command = [a] { return to_int(sim_run(a->run)); }; });

  auto& check = *sim.add_subcommand(
      "check", "Run it twice here and once in another process; show the first difference");
  add_common(check, a);
  check.callback([a, &command] { command = [a] { return to_int(sim_check(a->run)); }; });

  auto& golden = *sim.add_subcommand(
      "golden", "Compare with the hashes in golden.tsv beside the scenario, or write them");
  golden.add_option("SCENARIO", a->golden.scenarios, "Scenarios (TOML)")->required();
  golden.add_flag("--update", a->golden.update, "Write what the scenarios give now");
  golden.callback([a, &command] { command = [a] { return to_int(sim_golden(a->golden)); }; });

  add_sim_policy(sim, command);
}

} // namespace lanrage::cli
