#pragma once

#include "bench/pair.hpp"

namespace lanrage::bench {

/// Paths that die, come back and get worse under traffic: how long nothing arrives, what a planned
/// switch loses, and whether WireGuard shook hands again. Source of others' figures: our own survey
/// of 2026 in the same topology (docs/benchmarks.md).
void paths_part(const options& wanted);

} // namespace lanrage::bench
