#include "trace_import_fuzz.hpp"

using namespace lanrage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sim::trace::matrix_options how;
  how.rtt_unit = sim::trace::unit::ms;
  how.interval = std::chrono::seconds{1};
  how.codes = {{"-1"}, {"-", ""}};
  fuzz::import_and_check(data, size, [&](const auto& from, auto& to) {
    const sim::trace::input slices[] = {from, from};
    return sim::trace::import_matrix(slices, how, to);
  });
  return 0;
}
