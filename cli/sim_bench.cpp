#include "cli/sim_bench.hpp"

#include "cli/failure.hpp"
#include "cli/json_text.hpp"
#include "sim/bench/absent.hpp"
#include "sim/event_log.hpp"
#include "sim/trace/numbers.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <spdlog/spdlog.h>

#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>

namespace lanrage::cli {
namespace {

using namespace std::chrono_literals;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Octets of this process in memory; what was freed is given back first.
std::uint64_t resident_octets() {
  ::malloc_trim(0);
  std::ifstream in{"/proc/self/statm"};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double in_seconds(sim::duration time) {
  return std::chrono::duration<double>(time).count();
}

/// Octets resident for a peer that is configured and idle.
constexpr double absent_peer_aim = 4'000;

std::uint64_t per_peer(const bench_figures& got) {
  return got.counts.peers == 0 ? 0 : got.resident / got.counts.peers;
}

bench_case lattice(const std::string& name, std::uint32_t members, std::chrono::seconds span) {
  bench_case out;
  out.name = name;
  out.crowd.members = members;
  out.crowd.group = 9; // eight links each
  out.span = span;
  return out;
}

constexpr const char* heading =
    "case         members   peers  virtual s   CPU s  x real time  round trips/CPU s  "
    "events/CPU s  B/peer  set-up CPU s\n";

void print(const bench_case& what, const bench_figures& got) {
  std::printf("%-12s %7llu %7llu %10.0f %7.2f %12.0f %18.0f %13.0f %7llu %13.2f\n",
              what.name.c_str(), static_cast<unsigned long long>(got.members),
              static_cast<unsigned long long>(got.counts.peers), got.virtual_s, got.cpu_s,
              got.cpu_s > 0 ? got.virtual_s / got.cpu_s : 0, got.per_cpu_s(got.counts.round_trips),
              got.per_cpu_s(got.events), static_cast<unsigned long long>(per_peer(got)),
              got.setup_cpu_s);
  if (what.absent > 0)
    std::printf("  %.1f KB resident for each peer that is away, %.1f times the aim of %.0f KB\n",
                static_cast<double>(per_peer(got)) / 1e3,
                static_cast<double>(per_peer(got)) / absent_peer_aim, absent_peer_aim / 1e3);
  std::fflush(stdout);
}

} // namespace

static bench_figures measure_absent(const bench_case& what) {
  bench_figures out;
  sim::absent_members world{{what.absent, what.crowd.seed}};
  world.come_and_go();
  const auto before = resident_octets();
  const auto begun = cpu_seconds();
  world.configure();
  out.members = 1;
  const auto start = cpu_seconds();
  out.setup_cpu_s = start - begun;
  const auto events = world.events();
  world.run_for(what.span);
  out.cpu_s = cpu_seconds() - start;
  out.virtual_s = in_seconds(what.span);
  out.events = world.events() - events;
  out.counts.peers = world.connections();
  out.log_hash = world.log_hash();
  const auto after = resident_octets();
  out.resident = after > before ? after - before : 0;
  return out;
}

bench_figures measure(const bench_case& what) {
  spdlog::set_level(spdlog::level::off);
  if (what.absent > 0) return measure_absent(what);
  bench_figures out;
  const auto before = resident_octets();
  const auto begun = cpu_seconds();
  sim::crowd crowd{what.crowd};
  crowd.meet();
  out.members = crowd.members();
  const auto met = cpu_seconds();
  const auto at_first = what.from_start ? sim::crowd_counts{} : crowd.counts();
  const auto events = what.from_start ? 0 : crowd.events();
  const auto since = what.from_start ? sim::duration{} : crowd.now();
  const auto start = what.from_start ? begun : cpu_seconds();
  out.setup_cpu_s = met - begun;
  crowd.run_for(since + what.span - crowd.now());
  out.cpu_s = cpu_seconds() - start;
  out.virtual_s = in_seconds(crowd.now() - since);
  out.events = crowd.events() - events;
  out.counts = crowd.counts();
  out.counts.round_trips -= at_first.round_trips;
  out.log_hash = crowd.log_hash();
  const auto after = resident_octets();
  out.resident = after > before ? after - before : 0;
  return out;
}

std::vector<bench_case> bench_cases(bool large) {
  bench_case ping;
  ping.name = "ping";
  ping.crowd.check_interval = 1s;
  ping.span = 100s;
  bench_case party;
  party.name = "party-20";
  party.crowd.members = party.crowd.group = 20;
  party.span = 1h;
  party.from_start = true;
  bench_case absent;
  absent.name = "absent-10000";
  absent.absent = 10'000;
  absent.span = 120s;
  std::vector<bench_case> out{ping, party, lattice("mesh-500", 500, 240s),
                              lattice("mesh-1000", 1'000, 120s), absent};
  if (large) {
    out.push_back(lattice("mesh-4000", 4'000, 60s));
    out.push_back(lattice("mesh-10000", 10'000, 1h));
  }
  return out;
}

boost::json::object to_json(const bench_case& what, const bench_figures& got) {
  return {{"case", what.name},
          {"members", got.members},
          {"peers", got.counts.peers},
          {"direct", got.counts.direct},
          {"check_interval_s", what.crowd.check_interval.count()},
          {"virtual_s", got.virtual_s},
          {"cpu_s", got.cpu_s},
          {"setup_cpu_s", got.setup_cpu_s},
          {"round_trips", got.counts.round_trips},
          {"round_trips_per_cpu_s", got.per_cpu_s(got.counts.round_trips)},
          {"events", got.events},
          {"events_per_cpu_s", got.per_cpu_s(got.events)},
          {"virtual_s_per_cpu_s", got.cpu_s > 0 ? got.virtual_s / got.cpu_s : 0},
          {"octets_per_peer", per_peer(got)},
          {"log_hash", sim::hash_text(got.log_hash)}};
}

int sim_bench(const bench_options& what) {
  const auto cases = what.own ? std::vector{*what.own} : bench_cases(what.large);
  boost::json::array all;
  if (!what.json) std::cout << heading << std::flush;
  for (const auto& each : cases) {
    try {
      const auto got = measure(each);
      if (!what.json) print(each, got);
      all.push_back(to_json(each, got));
    } catch (const std::exception& defect) {
      report(failure{"internal", each.name + ": " + defect.what(), {}}, what.json);
      return 1;
    }
  }
  if (what.json) {
    const auto& first = all.front().as_object();
    std::cout << to_line(boost::json::object{
                     {"round_trips_per_cpu_s", first.at("round_trips_per_cpu_s")},
                     {"events_per_cpu_s", first.at("events_per_cpu_s")},
                     {"cases", all}})
              << '\n';
  }
  return 0;
}

void add_sim_bench(CLI::App& sim, std::function<int()>& command) {
  struct arguments {
    bench_options bench;
    bench_case own;
    std::uint32_t links = 1;
  };
  auto a = std::make_shared<arguments>();
  a->own = bench_cases(false).front();
  a->own.name = "own";
  auto& bench = *sim.add_subcommand(
      "bench", "How fast it is: round trips of peer actors and events per second of CPU time");
  bench.add_flag("--json", a->bench.json, "Print one line of JSON");
  bench.add_flag("--large", a->bench.large,
                 "Also 4,000 members, and an hour of 10,000: takes an hour and gigabytes");
  std::vector<CLI::Option*> own;
  own.push_back(
      bench.add_option("--members", a->own.crowd.members, "Only one case: so many members")
          ->check(CLI::Range(2, 20'000)));
  own.push_back(bench
                    .add_option("--absent", a->own.absent,
                                "Only one case: one daemon with so many peers that are away")
                    ->check(CLI::Range(1, 15'000)));
  own.push_back(bench.add_option("--links", a->links, "Only one case: so many links each")
                    ->check(CLI::Range(1, 999)));
  const auto seconds = [&](const char* name, std::chrono::seconds& to, const char* help) {
    own.push_back(bench
                      .add_option_function<std::string>(
                          name,
                          [name, &to, a](const std::string& text) {
                            const auto got = sim::trace::parse_duration(text);
                            if (!got || *got < 1s || *got % 1s != 0s || *got > 24h)
                              throw CLI::ValidationError(
                                  name, "'" + text +
                                            "' is no duration of 1s to 24h in whole "
                                            "seconds, such as 30s");
                            to = std::chrono::duration_cast<std::chrono::seconds>(*got);
                          },
                          help)
                      ->type_name("T"));
  };
  seconds("--every", a->own.crowd.check_interval, "Only one case: a health check each T");
  seconds("--for", a->own.span, "Only one case: measured for T of virtual time");
  bench.callback([a, own, &command] {
    for (const auto* option : own)
      if (option->count() > 0) a->bench.own = a->own;
    if (a->bench.own) a->bench.own->crowd.group = a->links + 1;
    command = [a] { return sim_bench(a->bench); };
  });
}

} // namespace lanrage::cli
