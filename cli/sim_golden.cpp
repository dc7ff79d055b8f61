#include "cli/sim.hpp"
#include "cli/terminal.hpp"
#include "sim/scenario/golden.hpp"
#include "sim/trace/sink.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iostream>

/// `lanrage sim golden`: does a scenario still give what it is known to give?
namespace lanrage::cli {
namespace {

namespace scenario = sim::scenario;

std::string shown(const scenario::golden& of) {
  return "seed " + std::to_string(of.seed) + ", " + std::to_string(of.lines) + " lines, log " +
         of.log_hash + ", state " + of.state_hash;
}

sim_exit save(const std::filesystem::path& file, const scenario::golden_table& table) {
  sim::trace::file_sink sink{file};
  auto done = sink.open();
  if (done) done = sink.write(scenario::to_text(table));
  if (done) done = sink.commit();
  if (done) return sim_exit::good;
  std::cerr << "lanrage: " << printable(sim::trace::to_string(done.error())) << '\n';
  return sim_exit::failed;
}

sim_exit one(const std::filesystem::path& file, bool update) {
  const auto script = scenario::load(file);
  if (!script) return report(script.error(), false);
  const auto beside = file.parent_path() / scenario::golden_file;
  auto table = scenario::load_golden(beside);
  if (!table) return report(table.error(), false);
  const auto got = scenario::run(*script, file, {});
  if (!got) return report(got.error(), false);
  const auto name = file.stem().string();
  sim_options what;
  what.scenario = file;
  print_missed(what, *got);
  // What misses its expectations is no example of anything.
  if (const auto code = exit_of(*got); code != sim_exit::good) return code;
  const auto now = scenario::golden_of(*got);
  if (update) {
    (*table)[name] = now;
    std::cout << printable(name) << ": " << shown(now) << '\n';
    return save(beside, *table);
  }
  const auto known = table->find(name);
  if (known == table->end()) {
    std::cout << printable(name) << ": not in " << scenario::golden_file << "; it gives "
              << shown(now) << '\n';
    return sim_exit::not_deterministic;
  }
  if (known->second != now) {
    std::cout << printable(name) << ": known as " << shown(known->second) << "\n  now it gives "
              << shown(now) << '\n';
    return sim_exit::not_deterministic;
  }
  std::cout << printable(name) << ": as known\n";
  return sim_exit::good;
}

} // namespace

sim_exit sim_golden(const golden_options& what) {
  spdlog::set_level(spdlog::level::off);
  auto worst = sim_exit::good;
  for (const auto& file : what.scenarios) {
    try {
      worst = std::max(worst, one(file, what.update));
    } catch (const std::exception& defect) {
      std::cerr << "lanrage: " << printable(file.string())
                << ": the simulation crashed: " << printable(defect.what()) << '\n';
      worst = sim_exit::crashed;
    }
    std::cout << std::flush;
  }
  return worst;
}

} // namespace lanrage::cli
