#include "cli/sim.hpp"
#include "cli/sweep_file.hpp"
#include "cli/terminal.hpp"
#include "lab/failure.hpp"
#include "lab/process.hpp"
#include "sim/report/markup.hpp"
#include "sim/trace/hash.hpp"
#include "sim/trace/sink.hpp"

#include <spdlog/spdlog.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

/// `lanrage sim sweep` and `merge`: one scenario, many seeds, each in a process of its own.
namespace lanrage::cli {
namespace {

namespace scenario = sim::scenario;
namespace sweep = sim::sweep;
using clock = std::chrono::steady_clock;

/// What there is to see meanwhile: on a terminal a line that is written again and again.
class progress {
 public:
  progress(std::size_t all, bool shown) : all_(all), shown_(shown), began_(clock::now()) {}

  void one(bool failed) {
    const std::lock_guard lock{mutex_};
    ++done_;
    failed_ += failed;
    const auto now = clock::now();
    if (!shown_ || (done_ < all_ && now - last_ < std::chrono::milliseconds{100})) return;
    last_ = now;
    constexpr std::size_t cells = 32;
    const auto full = done_ * cells / all_;
    const auto left =
        (now - began_) * static_cast<std::int64_t>(all_ - done_) / static_cast<std::int64_t>(done_);
    std::cerr << "\r[" << std::string(full, '#') << std::string(cells - full, '.') << "] " << done_
              << '/' << all_ << ", " << failed_ << " failed, "
              << std::chrono::duration_cast<std::chrono::seconds>(left).count() << " s to go \x1b[K"
              << (done_ == all_ ? "\n" : "") << std::flush;
  }
  std::string summary(std::size_t jobs) const {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began_);
    const auto per_s = took.count() > 0 ? static_cast<std::int64_t>(done_) * 10'000 / took.count()
                                        : std::int64_t{0};
    return std::to_string(done_) + " seeds in " + sim::report::time_text(took) + " with " +
           std::to_string(jobs) + (jobs == 1 ? " job, " : " jobs, ") + std::to_string(per_s / 10) +
           '.' + std::to_string(per_s % 10) + " seeds/s";
  }

 private:
  std::mutex mutex_;
  std::size_t all_;
  std::size_t done_ = 0;
  std::size_t failed_ = 0;
  bool shown_;
  clock::time_point began_;
  clock::time_point last_{};
};

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return {};
  const auto begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

/// In a process of its own: what happens to it happens to this seed only.
sweep::row run_seed(const sweep_options& what, std::uint64_t seed) {
  lab::process_spec spec;
  spec.argv = {"/proc/self/exe",    "sim", "run", what.scenario.string(), "--json", "--seed",
               std::to_string(seed)};
  for (auto& each : scenario::arguments_of(what.run))
    spec.argv.push_back(std::move(each));
  sweep::row lost;
  lost.seed = seed;
  try {
    const auto got = lab::run_command(
        spec, {}, std::chrono::duration_cast<std::chrono::milliseconds>(what.timeout));
    if (got.timed_out) {
      lost.crash = "no end within " + sim::report::time_text(what.timeout);
      return lost;
    }
    const auto code = got.status.code;
    const bool ran = got.status.signal == 0 &&
                     (code == to_int(sim_exit::good) || code == to_int(sim_exit::safety) ||
                      code == to_int(sim_exit::liveness));
    if (ran)
      if (auto row = row_of_run(last_line(got.out)); row && row->seed == seed) return *row;
    const auto said = printable(last_line(got.err));
    lost.crash = lab::to_string(got.status) + (said.empty() ? "" : ": " + said);
  } catch (const std::exception& failed) {
    lost.crash = failed.what();
  }
  return lost;
}

std::vector<sweep::row> run_all(const sweep_options& what, const std::vector<std::uint64_t>& seeds,
                                progress& shown, std::size_t jobs) {
  std::vector<sweep::row> rows(seeds.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (auto i = next++; i < seeds.size(); i = next++) {
      rows[i] = run_seed(what, seeds[i]);
      shown.one(sweep::exit_of(rows[i]) != 0);
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < jobs; ++i)
    others.emplace_back(work);
  work();
  others.clear(); // joins them
  return rows;
}

std::string hash_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return sim::trace::hash_text(sim::trace::fnv(sim::trace::fnv_start, text.str()));
}

/// Bad traces are bad input, not as many crashes as there are seeds.
scenario::result<void> usable(const sweep_options& what, const scenario::script& script) {
  auto nothing = what.run;
  nothing.until = sim::duration{1};
  const auto got = scenario::run(script, what.scenario, nothing);
  if (!got) return got.error();
  return {};
}

/// The results where they were wanted; what they came to.
sim_exit give(const sweep::results& got, const std::optional<std::filesystem::path>& file,
              bool json, bool all_seen) {
  if (file) {
    sim::trace::file_sink sink{*file};
    auto done = sink.open();
    if (done) done = sink.write(to_lines(got));
    if (done) done = sink.commit();
    if (!done) {
      std::cerr << "lanrage: " << printable(sim::trace::to_string(done.error())) << '\n';
      return sim_exit::failed;
    }
  }
  if (json)
    std::cout << to_lines(got);
  else
    std::cout << printable(sweep::report_text(got), true);
  std::cout << std::flush;
  const auto code = static_cast<sim_exit>(sweep::exit_of(got.rows));
  if (!all_seen || code != sim_exit::good) return code;
  const auto never = sweep::never_seen(got);
  for (const auto& each : never)
    std::cerr << "lanrage: never seen: " << each << '\n';
  return never.empty() ? code : sim_exit::liveness;
}

/// Kinds that never fired, each a line; liveness, as something did not happen that should have.
sim_exit require_all(const sweep::results& got, bool wanted, sim_exit so_far) {
  if (!wanted || so_far == sim_exit::failed) return so_far;
  const auto never = sim::faults::never_fired(sweep::seen_faults(got.rows));
  for (const auto id : never)
    std::cerr << "coverage: " << sim::faults::label(id) << " never fired\n";
  return never.empty() ? so_far : std::max(so_far, sim_exit::liveness);
}

} // namespace

sim_exit sim_sweep(const sweep_options& options) {
  spdlog::set_level(spdlog::level::off);
  auto what = options;
  const auto script = load_scenario(what.scenario, what.run);
  if (!script) return report(script.error(), what.json);
  if (const auto good = usable(what, *script); !good) return report(good.error(), what.json);
  const auto seeds = sweep::seeds_of(what.seeds, what.part);
  sweep::results out;
  out.about.version = LANRAGE_VERSION;
  out.about.scenario = what.scenario.string();
  out.about.scenario_hash = hash_of(what.scenario);
  out.about.seeds = what.seeds;
  out.about.part = what.part;
  if (what.run.until) out.about.until = scenario::seconds_text(*what.run.until);
  if (what.run.trace) out.about.trace = what.run.trace->string();
  if (what.run.count) out.about.count = *what.run.count;
  out.about.faults = what.run.draw_faults;
  if (what.run.plan_file) {
    out.about.plan = what.run.plan_file->string();
    out.about.plan_hash = hash_of(*what.run.plan_file);
  }
  const auto cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  const auto jobs =
      std::clamp<std::size_t>(what.jobs.value_or(cores), 1, std::max<std::size_t>(1, seeds.size()));
  progress shown{seeds.size(), ::isatty(STDERR_FILENO) == 1};
  out.rows = run_all(what, seeds, shown, jobs);
  std::cerr << shown.summary(jobs) << '\n';
  return require_all(out, what.require_all, give(out, what.out, what.json, what.all_seen));
}

sim_exit sim_merge(const merge_options& what) {
  std::vector<sweep::named_results> shards;
  scenario::bad_input bad;
  for (const auto& file : what.files) {
    auto got = load_lines(file);
    if (got) {
      shards.push_back({file.string(), std::move(*got)});
    } else {
      const auto why = got.error();
      bad.lines.insert(bad.lines.end(), why.lines.begin(), why.lines.end());
    }
  }
  if (!bad.lines.empty()) return report(bad, what.json);
  const auto whole = sweep::merge(std::move(shards));
  if (!whole) return report(scenario::bad_input{whole.error().lines}, what.json);
  return require_all(*whole, what.require_all, give(*whole, what.out, what.json, what.all_seen));
}

} // namespace lanrage::cli
