#include "trace_import_fuzz.hpp"

using namespace lanrage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::import_and_check(
      data, size, [](const auto& from, auto& to) { return sim::trace::import_ping(from, {}, to); });
  return 0;
}
