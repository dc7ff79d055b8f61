#pragma once

#include "sim/scenario/reader.hpp"
#include "sim/sweep/sweep.hpp"

#include <filesystem>
#include <string>
#include <string_view>

/// A sweep's results as JSON lines: a heading, a line per seed, and a line that counts them.
namespace lanrage::cli {

std::string to_lines(const sim::sweep::results& of);

/// Everything is checked: a file that is cut off, that has other seeds than its heading says, or
/// values of other types is a problem with its line and what was expected there.
sim::scenario::result<sim::sweep::results> parse_lines(std::string_view text,
                                                       const std::string& file);
sim::scenario::result<sim::sweep::results> load_lines(const std::filesystem::path& file);

/// What `sim run --json` said of a seed, read; absent when it is none.
std::optional<sim::sweep::row> row_of_run(std::string_view line);

} // namespace lanrage::cli
