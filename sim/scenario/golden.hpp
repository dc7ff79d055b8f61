#pragma once

#include "sim/scenario/runner.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace lanrage::sim::scenario {

/// What a scenario is known to give: one line of golden.tsv beside it.
struct golden {
  std::uint64_t seed = 0;
  std::uint64_t lines = 0;
  std::string log_hash;
  std::string state_hash;
  friend bool operator==(const golden&, const golden&) = default;
};
golden golden_of(const outcome& got);

/// By the scenario's file name without ".toml".
using golden_table = std::map<std::string, golden>;

inline constexpr const char* golden_file = "golden.tsv";
std::string to_text(const golden_table& table);
/// A missing file is an empty table.
result<golden_table> load_golden(const std::filesystem::path& file);

} // namespace lanrage::sim::scenario
