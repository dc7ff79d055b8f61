#include "tests/support/places.hpp"

namespace lanrage::places {

const char* const source = LANRAGE_SOURCE_DIR;
const char* const program = LANRAGE_BINARY;
const char* const shifted_clock = LANRAGE_SHIFTED_CLOCK;
const char* const traces = LANRAGE_TRACES;

} // namespace lanrage::places
