#include "require.hpp"
#include "sim/scenario/reader.hpp"

/// A text is a scenario or a list of problems, each with its file and place.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto seen = lanrage::sim::scenario::parse(text_of_input(data, size), "fuzz.toml");
  if (seen.has_value()) return 0;
  require(!seen.error().lines.empty());
  for (const auto& line : seen.error().lines)
    require(line.starts_with("fuzz.toml:"));
  return 0;
}
