#include "cli/sim.hpp"
#include "cli/sim_bench.hpp"
#include "cli/sim_faults.hpp"
#include "cli/sim_policy.hpp"
#include "sim/scenario/script.hpp"
#include "sim/trace/numbers.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace lanrage::cli {
namespace {

/// What parsing fills in, kept alive by the subcommands' callbacks.
struct sim_arguments {
  sim_options run;
  shrink_options shrink;
  golden_options golden;
  sweep_options sweep;
  merge_options merge;
};
using shared_sim = std::shared_ptr<sim_arguments>;

/// What breaks: by a plan, or by one that is drawn.
void add_faults(CLI::App& to, const shared_sim& a, sim::scenario::run_options& run) {
  auto* plan = to.add_option_function<std::string>(
                     "--plan", [a, &run](const std::string& path) { run.plan_file = path; },
                     "A fault plan (TOML), instead of the scenario's faults")
                   ->type_name("F");
  to.add_flag("--faults", run.draw_faults, "Draw a fault plan from the seed")->excludes(plan);
}

void add_seed(CLI::App& to, const shared_sim& a, sim::scenario::run_options& run) {
  to.add_option_function<std::string>(
        "--seed",
        [a, &run](const std::string& text) {
          const auto seed = sim::trace::parse_count(text);
          if (!seed) throw CLI::ValidationError("--seed", "'" + text + "' is no seed: 0 to 2^63-1");
          run.seed = static_cast<std::uint64_t>(*seed);
        },
        "Instead of the scenario's")
      ->type_name("N");
}

void add_scenario(CLI::App& to, const shared_sim& a, std::filesystem::path& scenario,
                  sim::scenario::run_options& run) {
  to.add_option("SCENARIO", scenario, "The scenario (TOML)")->required();
  to.add_option_function<std::string>(
        "--until",
        [a, &run](const std::string& text) {
          const auto until = sim::trace::parse_duration(text);
          if (!until || until->count() == 0 || *until > sim::scenario::limits::until)
            throw CLI::ValidationError("--until",
                                       "'" + text + "' is no duration up to 30d, such as 90s");
          run.until = *until;
        },
        "End there in virtual time, instead of where the scenario says")
      ->type_name("T");
  to.add_option_function<std::string>(
        "--trace", [a, &run](const std::string& path) { run.trace = path; },
        "Follow this trace instead of every one the scenario names")
      ->type_name("F");
  to.add_option_function<std::string>(
        "--count",
        [a, &run](const std::string& text) {
          const auto count = sim::trace::parse_count(text);
          if (!count || *count < 1 || *count > 10'000)
            throw CLI::ValidationError("--count", "'" + text + "' is no number from 1 to 10000");
          run.count = static_cast<std::uint32_t>(*count);
        },
        "Of each [[member]] with `count`, at most so many")
      ->type_name("N");
  add_faults(to, a, run);
  to.add_flag_callback(
      "--no-invariants", [a, &run] { run.invariants = false; },
      "Only the scenario's own expectations");
}

void add_common(CLI::App& to, const shared_sim& a) {
  add_scenario(to, a, a->run.scenario, a->run.run);
  add_seed(to, a, a->run.run);
}

/// An option whose text `parse` understands; else the message says what was expected.
template <class T, class Parse>
void add_parsed(CLI::App& to, const char* name, const char* type, const char* about,
                const char* expected, bool required, const Parse& parse, T take) {
  const auto use = [=](const std::string& text) {
    const auto got = parse(text);
    if (!got) throw CLI::ValidationError(name, "found '" + text + "', expected " + expected);
    take(*got);
  };
  auto* option = to.add_option_function<std::string>(name, use, about)->type_name(type);
  if (required) option->required();
}

void add_outputs(CLI::App& to, const shared_sim& a, std::optional<std::filesystem::path>& out,
                 bool& json, bool& all_seen) {
  to.add_flag("--all-seen", all_seen, "Fail if a rare way through the program was never taken");
  to.add_flag("--json", json, "JSON lines instead of the table");
  to.add_option_function<std::string>(
        "--out", [a, &out](const std::string& path) { out = path; },
        "Write the results as JSON lines, for `lanrage sim merge`")
      ->type_name("F");
}

void add_require(CLI::App& to, bool& all) {
  to.add_flag("--require-all", all,
              "Fail with a line for each kind of fault that fired with no seed");
}

void add_sweep(CLI::App& sim, const shared_sim& a, std::function<int()>& command) {
  auto& sweep = *sim.add_subcommand("sweep", "Run a scenario with many seeds, on all cores");
  add_scenario(sweep, a, a->sweep.scenario, a->sweep.run);
  add_parsed(sweep, "--seeds", "A..B", "Which seeds, both ends included",
             "a range such as 1..100 with at most 10,000,000 seeds", true, sim::sweep::parse_seeds,
             [a](const auto& seeds) { a->sweep.seeds = seeds; });
  add_parsed(sweep, "--shard", "I/N", "Only every N-th seed, beginning with the I-th",
             "a part such as 3/16: the third of sixteen", false, sim::sweep::parse_shard,
             [a](const auto& part) { a->sweep.part = part; });
  const auto jobs = [](const std::string& text) -> std::optional<std::size_t> {
    const auto got = sim::trace::parse_count(text);
    if (!got || *got < 1 || *got > static_cast<std::int64_t>(sweep_options::jobs_max))
      return std::nullopt;
    return static_cast<std::size_t>(*got);
  };
  add_parsed(sweep, "--jobs", "N", "How many at once; one per core if not given",
             "a number from 1 to 1024", false, jobs,
             [a](std::size_t number) { a->sweep.jobs = number; });
  const auto timeout = [](const std::string& text) -> std::optional<std::chrono::nanoseconds> {
    const auto got = sim::trace::parse_duration(text);
    if (!got || *got < std::chrono::milliseconds{1} || *got > std::chrono::hours{24 * 7})
      return std::nullopt;
    return got;
  };
  add_parsed(sweep, "--timeout", "T", "A seed that takes longer has crashed; 30m if not given",
             "a duration from 1ms to 7d, such as 90s", false, timeout,
             [a](std::chrono::nanoseconds most) { a->sweep.timeout = most; });
  add_outputs(sweep, a, a->sweep.out, a->sweep.json, a->sweep.all_seen);
  add_require(sweep, a->sweep.require_all);
  sweep.callback([a, &command] { command = [a] { return to_int(sim_sweep(a->sweep)); }; });

  auto& merge = *sim.add_subcommand("merge", "Put the shards of a sweep together");
  merge.add_option("FILE", a->merge.files, "What `lanrage sim sweep --out` wrote")->required();
  add_outputs(merge, a, a->merge.out, a->merge.json, a->merge.all_seen);
  add_require(merge, a->merge.require_all);
  merge.callback([a, &command] { command = [a] { return to_int(sim_merge(a->merge)); }; });
}

void add_shrink(CLI::App& sim, const shared_sim& a, std::function<int()>& command) {
  auto& shrink = *sim.add_subcommand(
      "shrink", "Find the smallest fault plan with which a run still fails in the same way");
  add_scenario(shrink, a, a->shrink.scenario, a->shrink.run);
  add_seed(shrink, a, a->shrink.run);
  shrink
      .add_option_function<std::string>(
          "--out", [a](const std::string& path) { a->shrink.out = path; },
          "Where the plan is written")
      ->type_name("F")
      ->required();
  const auto runs = [](const std::string& text) -> std::optional<std::size_t> {
    const auto got = sim::trace::parse_count(text);
    if (!got || *got < 1 || *got > 1'000'000) return std::nullopt;
    return static_cast<std::size_t>(*got);
  };
  add_parsed(shrink, "--runs", "N", "At most so many runs; 2000 if not given",
             "a number from 1 to 1000000", false, runs,
             [a](std::size_t most) { a->shrink.runs = most; });
  shrink.callback([a, &command] { command = [a] { return to_int(sim_shrink(a->shrink)); }; });
}

} // namespace

void add_sim(CLI::App& app, std::function<int()>& command) {
  auto a = std::make_shared<sim_arguments>();
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
  run.add_option_function<std::string>(
         "--report", [a](const std::string& path) { a->run.report = path; },
         "Write a page about the run: HTML in one file")
      ->type_name("F.html");
  run.add_option_function<std::string>(
         "--write-plan", [a](const std::string& path) { a->run.write_plan = path; },
         "Write what breaks in this run, as a fault plan")
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

  add_sweep(sim, a, command);
  add_sim_bench(sim, command);
  add_sim_faults(sim, command);
  add_shrink(sim, a, command);
  add_sim_policy(sim, command);
}

} // namespace lanrage::cli
