#pragma once

namespace lanrage::cli {

/// The text of sim/scenarios/demo.toml, as it was when the program was built.
extern const char* const demo_scenario;

} // namespace lanrage::cli
