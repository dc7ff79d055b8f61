#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace lanrage::bench {

using seconds_f = std::chrono::duration<double>;

/// The runs of one measurement; one that had no outcome before its deadline counts as missing.
struct sample {
  std::vector<double> values;
  unsigned missing = 0;

  void add(const std::optional<seconds_f>& run) {
    if (run)
      values.push_back(run->count());
    else
      ++missing;
  }
  std::optional<double> median() const { return at_percent(50); }
  /// The value that this part of the runs does not exceed, those without an outcome left out.
  std::optional<double> at_percent(unsigned percent) const;
};

/// What we aim at, in seconds, at 15 ms one way.
namespace aims {
inline constexpr double cold_first = 0.30;
inline constexpr double cold_direct = 0.40;
inline constexpr double remembered_first = 0.20; ///< the peer's record is known
inline constexpr double outage_busy = 0.5;       ///< a dead path under 30 packets/s
inline constexpr double outage_quiet = 1.5;      ///< under 1 packet/s
inline constexpr double direct_again = 10;       ///< direct possible again, until it is used
} // namespace aims

/// "0.123 (0.101-0.150, 7 runs)", with the missing ones named.
std::string to_string(const sample& figures, int decimals = 3);

/// What others need for the same, measured once in the same topology: see peer_figures().
struct peer_figure {
  const char* program;
  std::optional<double> cone_first, cone_direct, symmetric_first; ///< seconds; none: never
  const char* note;
};

/// Cold start of the second daemon, seconds, medians of 7 runs on a shared machine of two cores:
/// port-preserving masquerade on both sides ("cone") or random masquerade on one, 15 ms one way.
/// Source: our own survey of 2026 (docs/benchmarks.md). Ratios count, not the absolute figures.
const std::vector<peer_figure>& peer_figures();

/// One line of the table: what, our figure, the ratio to `limit` (hand-configured WireGuard), and
/// what we aim at, in seconds: the median is held against it.
void print_row(const std::string& what, const sample& figures, const sample* limit = nullptr,
               std::optional<double> aim = std::nullopt);
void print_peers(const sample& limit);
void print_machine(const std::string& command, const std::string& binary);

} // namespace lanrage::bench
