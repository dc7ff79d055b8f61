#pragma once

#include "bench/pair.hpp"

namespace lanrage::bench {

/// What one daemon costs with one peer and with a full party: CPU, memory, calls of `wg`.
void scale_part(const options& wanted);

} // namespace lanrage::bench
