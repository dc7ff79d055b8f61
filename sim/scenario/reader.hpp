#pragma once

#include "sim/scenario/script.hpp"

#include <boost/system/result.hpp>

#include <filesystem>
#include <optional>
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

/// What a reader may be told beside the text.
struct reading {
  std::optional<std::uint32_t> count; ///< of each [[member]] with `count`, at most so many
};

/// Reads a scenario. Unknown keys, wrong types, impossible values, unknown names and names that are
/// given twice are problems, all of them listed.
result<script> parse(std::string_view text, const std::string& file_name, const reading& how = {});
result<script> load(const std::filesystem::path& file, const reading& how = {});
/// A file's text; at most one octet more than limits::file_octets of it.
result<std::string> read_text(const std::filesystem::path& file);

} // namespace lanrage::sim::scenario
