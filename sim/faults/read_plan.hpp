#pragma once

#include "sim/faults/plan.hpp"
#include "sim/scenario/reader.hpp"
#include "sim/scenario/script.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace lanrage::sim::faults {

/// A plan for that scenario. Unknown kinds and keys, wrong types, impossible values and names that
/// the scenario has not are problems, all of them listed, as in a scenario. In a simulation so are
/// kinds that only a laboratory can do.
scenario::result<plan> parse_plan(std::string_view text, const std::string& file_name,
                                  const scenario::script& of, ground where = ground::simulation);
scenario::result<plan> load_plan(const std::filesystem::path& file, const scenario::script& of,
                                 ground where = ground::simulation);

} // namespace lanrage::sim::faults
