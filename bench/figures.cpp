#include "bench/figures.hpp"

#include "lab/process.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace lanrage::bench {

namespace {

constexpr auto none = std::nullopt;

std::string fixed(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string or_never(const std::optional<double>& value) {
  return value ? fixed(*value, 3) : "-";
}

std::string first_line(std::vector<std::string> argv) {
  const auto said = lab::run_command(std::move(argv));
  return said.out.substr(0, said.out.find('\n'));
}

std::string load() {
  std::ifstream in{"/proc/loadavg"};
  std::string one, five;
  in >> one >> five;
  return one + " " + five;
}

} // namespace

std::optional<double> sample::at_percent(unsigned percent) const {
  if (values.empty()) return std::nullopt;
  auto sorted = values;
  const auto place = std::min(sorted.size() * percent / 100, sorted.size() - 1);
  const auto wanted = sorted.begin() + std::ptrdiff_t(place);
  std::nth_element(sorted.begin(), wanted, sorted.end());
  return *wanted;
}

std::string to_string(const sample& figures, int decimals) {
  const auto middle = figures.median();
  if (!middle) return "none in " + std::to_string(figures.missing) + " runs";
  const auto [low, high] = std::minmax_element(figures.values.begin(), figures.values.end());
  auto text = fixed(*middle, decimals) + " (" + fixed(*low, decimals) + "-" +
              fixed(*high, decimals) + ", " + std::to_string(figures.values.size()) + " runs";
  if (figures.missing > 0) text += ", " + std::to_string(figures.missing) + " more without";
  return text + ")";
}

const std::vector<peer_figure>& peer_figures() {
  static const std::vector<peer_figure> all{
      {"WireGuard, configured by hand", 0.109, 0.094, none, "the limit"},
      {"WireGuard through a hub", 0.143, none, 0.136, "the hub decrypts"},
      {"n2n 1.3.1", 0.155, 0.227, 0.155, "weak crypto"},
      {"tinc 1.0.36", 0.265, 0.296, 0.256, ""},
      {"tinc 1.1pre18", 0.363, 2.244, 0.374, ""},
      {"ICE (libjuice 1.7.2, coturn)", 0.397, 0.763, 0.558, "transport only"},
      {"yggdrasil 0.4.7", 0.443, none, 0.459, ""},
      {"nebula 1.6.1, relay on", 0.560, none, 0.579, "stays relayed"},
      {"nebula 1.6.1, punching tuned", 0.491, 0.475, 0.558, ""},
      {"nebula 1.6.1, no relay", 1.407, 1.391, none, "default punch delay 1 s"},
      {"n2n 3.1.1", 1.158, 1.143, 1.262, ""},
      {"fastd 22", 1.209, none, 1.209, ""},
      {"gvpe 3.1", 1.073, 1.057, none, ""},
  };
  return all;
}

void print_row(const std::string& what, const sample& figures, const sample* limit,
               std::optional<double> aim) {
  std::string ratio;
  if (limit != nullptr && limit->median() && figures.median())
    ratio = fixed(*figures.median() / *limit->median(), 1) + "x";
  std::string held;
  if (aim) {
    const bool missed = !figures.median() || *figures.median() > *aim || figures.missing > 0;
    held = "aim " + fixed(*aim, 2) + (missed ? ", missed" : "");
  }
  std::printf("%-58s %-44s %-6s %s\n", what.c_str(), to_string(figures).c_str(), ratio.c_str(),
              held.c_str());
  std::fflush(stdout);
}

void print_peers(const sample& limit) {
  std::printf(
      "\nOthers, measured earlier in the same topology (seconds, medians of 7; - never):\n");
  std::printf("%-32s %10s %12s %10s %12s\n", "program", "cone first", "cone direct", "sym first",
              "x WireGuard");
  const auto hand = peer_figures().front().cone_first;
  for (const auto& p : peer_figures())
    std::printf("%-32s %10s %12s %10s %11sx  %s\n", p.program, or_never(p.cone_first).c_str(),
                or_never(p.cone_direct).c_str(), or_never(p.symmetric_first).c_str(),
                fixed(*p.cone_first / *hand, 1).c_str(), p.note);
  if (limit.median())
    std::printf("Today's hand-configured WireGuard took %.1f times its figure of then.\n",
                *limit.median() / *hand);
}

void print_machine(const std::string& command, const std::string& binary) {
  utsname kernel{};
  ::uname(&kernel);
  std::printf("command: %s\nbinary: %s (%s)\n", command.c_str(), binary.c_str(),
              first_line({binary, "version"}).c_str());
#ifdef LANRAGE_BUILD_TYPE
  std::printf("build: %s\n", LANRAGE_BUILD_TYPE);
#endif
  std::printf("machine: %ld cores, Linux %s, %s, load %s\n", ::sysconf(_SC_NPROCESSORS_ONLN),
              kernel.release, first_line({"wireguard-go", "--version"}).c_str(), load().c_str());
}

} // namespace lanrage::bench
