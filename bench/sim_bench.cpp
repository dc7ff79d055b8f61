#include "cli/sim_bench.hpp"

#include "bench/ns3_pairs.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

/// Round trips per second of processor time, the simulation's beside those of ns-3, in turns in one
/// run: 1,000 nodes in pairs, one ping a second, 1 to 80 ms one way. Ours go through every actor of
/// two daemons, WireGuard and the virtual network; theirs through UDP, IPv4 and a device.
///
///   sim_bench [VIRTUAL_SECONDS]
namespace {

using namespace lanrage;

constexpr std::size_t turns = 3;
using figures = std::array<double, turns>;

double median(figures of) {
  std::sort(of.begin(), of.end());
  return of[turns / 2];
}

void print(const char* name, const figures& got, double ours) {
  const auto [least, most] = std::minmax_element(got.begin(), got.end());
  std::printf("%-32s %9.0f round trips/CPU s (%.0f to %.0f)  lanrage is %.2f x\n", name,
              median(got), *least, *most, ours / median(got));
}

} // namespace

int main(int argc, char** argv) {
  auto what = cli::bench_cases(false).front();
  if (argc > 1) what.span = std::chrono::seconds{std::max(1, std::atoi(argv[1]))};
  const auto virtual_s = static_cast<std::uint32_t>(what.span.count());
  figures ours{};
  figures queued{};
  figures bare{};
  for (std::size_t i = 0; i < turns; ++i) {
    const auto got = cli::measure(what);
    ours[i] = got.per_cpu_s(got.counts.round_trips);
    const auto rate = [](const bench::ns3_figures& of) {
      return static_cast<double>(of.round_trips) / of.cpu_s;
    };
    queued[i] = rate(bench::run_ns3_pairs(what.crowd.members, virtual_s, true));
    bare[i] = rate(bench::run_ns3_pairs(what.crowd.members, virtual_s, false));
  }
  std::printf("%u nodes, %u virtual s, median of %zu turns\n", what.crowd.members, virtual_s,
              turns);
  print("lanrage, all actors", ours, median(ours));
  print("ns-3, UDP/IPv4, fq_codel", queued, median(ours));
  print("ns-3, UDP/IPv4, no queues", bare, median(ours));
}
