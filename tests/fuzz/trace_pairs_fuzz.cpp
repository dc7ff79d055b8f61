#include "trace_import_fuzz.hpp"

using namespace lanrage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sim::trace::pairs_options how;
  how.from = {"1"};
  how.to = {"2"};
  how.rtt = {"3"};
  how.rtt_unit = sim::trace::unit::ms;
  how.codes = {{"-1"}, {"-2", ""}};
  fuzz::import_and_check(data, size, [&](const auto& from, auto& to) {
    return sim::trace::import_pairs(from, how, to);
  });
  return 0;
}
