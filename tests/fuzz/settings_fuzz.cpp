#include "config/settings.hpp"
#include "require.hpp"

/// A text is settings or a list of problems, each with file and line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto seen = lanrage::config::parse(text_of_input(data, size), "fuzz.toml");
  require(seen.has_value() || seen.error().detail.starts_with("fuzz.toml"));
  return 0;
}
