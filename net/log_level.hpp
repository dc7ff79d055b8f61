#pragma once

#include <cstdint>

namespace lanrage::net {

/// How much a program tells about itself; each includes those after it.
enum class log_level : std::uint8_t { trace, debug, info, warn, error };

} // namespace lanrage::net
