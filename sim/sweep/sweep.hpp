#pragma once

#include "sim/faults/coverage.hpp"
#include "sim/scenario/judge.hpp"
#include "sim/world/moment.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// One scenario with many seeds: which ones, and what they came to. Pure; processes are cli/.
namespace lanrage::sim::sweep {

/// Both ends belong to it.
struct seed_range {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  static constexpr std::uint64_t most = 10'000'000;
  std::uint64_t size() const { return last - first + 1; }
  friend bool operator==(const seed_range&, const seed_range&) = default;
};
/// "1..100" or "7".
std::optional<seed_range> parse_seeds(std::string_view text);
std::string to_string(const seed_range& seeds);

/// Part `number` of `of`, from 1: every of-th seed.
struct shard {
  std::uint64_t number = 1;
  std::uint64_t of = 1;
  static constexpr std::uint64_t most = 100'000;
  friend bool operator==(const shard&, const shard&) = default;
};
/// "3/16".
std::optional<shard> parse_shard(std::string_view text);
std::string to_string(const shard& part);

/// Ascending.
std::vector<std::uint64_t> seeds_of(const seed_range& seeds, const shard& part);

/// An expectation that a seed did not meet.
struct miss {
  scenario::missed::kind what{};
  std::uint32_t line = 0; ///< of the scenario
  std::string text;
  std::string id{}; ///< of the invariant; empty: an expectation
  friend bool operator==(const miss&, const miss&) = default;
};

/// What one seed came to. Everything in it is the same wherever and with how many others it ran.
struct row {
  std::uint64_t seed = 0;
  std::optional<std::string> crash; ///< why there is no result
  duration ran{};
  std::uint64_t events = 0;
  std::string log_hash;
  std::string state_hash;
  std::vector<miss> missed;
  std::optional<duration> connect_median;
  std::optional<duration> connect_most;
  duration longest_outage{};
  std::optional<duration> regret_mean;
  std::optional<duration> regret_p99;
  std::uint64_t switches = 0;
  /// Rare ways that it took, and how often (sim/invariants/sometimes.hpp).
  std::map<std::string, std::uint64_t> seen;
  std::vector<faults::seen_kind> faults; ///< of its plan
  friend bool operator==(const row&, const row&) = default;
};

/// As `sim run` ends: 0, 10 safety, 11 liveness, 13 crashed.
int exit_of(const row& of);
/// The worst of all.
int exit_of(const std::vector<row>& all);

/// What all rows of a sweep have in common.
struct heading {
  std::string version;
  std::string scenario;      ///< its file, as it was given
  std::string scenario_hash; ///< of the file's octets
  seed_range seeds;
  shard part;
  std::optional<std::string> until;     ///< instead of the scenario's, "12.5s"
  std::optional<std::string> trace;     ///< instead of the scenario's
  bool faults = false;                  ///< plans drawn from the seeds
  std::optional<std::string> plan;      ///< a plan's file, the same for all seeds
  std::optional<std::string> plan_hash; ///< of its octets
  std::optional<std::uint32_t> count;
  friend bool operator==(const heading&, const heading&) = default;
};

struct results {
  heading about;
  std::vector<row> rows; ///< by seed
};

/// Of all rows together.
std::vector<faults::seen_kind> seen_faults(const std::vector<row>& all);

/// Rare ways that no seed took.
std::vector<std::string> never_seen(const results& of);

/// For people: a line per seed, failures by cause with the shortest run that shows each, figures
/// over all seeds. The same results give the same text.
std::string report_text(const results& of);

/// What is wrong with putting these together, one line each.
struct mismatch {
  std::vector<std::string> lines;
};
[[noreturn]] void throw_exception_from_error(const mismatch& what, const boost::source_location&);

struct named_results {
  std::string file;
  results got;
};
/// The shards of one sweep, all of them and each once, as the sweep without shards.
boost::system::result<results, mismatch> merge(std::vector<named_results> shards);

} // namespace lanrage::sim::sweep
