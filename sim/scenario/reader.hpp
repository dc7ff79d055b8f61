#pragma once

#include "sim/scenario/script.hpp"

#include <boost/system/result.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::sim::scenario {

/// Why a scenario cannot be run: lines for people, each with file and place; never empty.
struct bad_input {
  std::vector<std::string> lines;
};
[[noreturn]] void throw_exception_from_error(const bad_input& what, const boost::source_location&);

template <class T>
using result = boost::system::result<T, bad_input>;

/// Reads a scenario. Unknown keys, wrong types, impossible values, unknown names and names that are
/// given twice are problems, all of them listed.
result<script> parse(std::string_view text, const std::string& file_name);
result<script> load(const std::filesystem::path& file);

} // namespace lanrage::sim::scenario
