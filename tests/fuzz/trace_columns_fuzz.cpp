#include "trace_import_fuzz.hpp"

using namespace lanrage;
using namespace lanrage::sim::trace;

/// The first octet chooses among the ways to read the rest.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto choice = data[0];
  columns_options how;
  how.text.delimiter = ",; \t"[choice & 3];
  how.text.header = (choice & 4) != 0;
  how.rtt = {"2"};
  how.rtt_unit = unit::ms;
  if (choice & 8) {
    how.time = column_name{"1"};
    how.time_in = choice & 16 ? time_unit::datetime : time_unit::s;
  } else if (choice & 16) {
    how.interval = std::chrono::seconds{1};
  }
  if (choice & 32) how.sequence = column_name{"3"};
  if (choice & 64) {
    how.loss_percent = column_name{"3"};
    how.sent = column_name{"4"};
  }
  if (choice & 128) how.mark = column_name{"5"};
  how.codes = {{"-1"}, {"-2", "NaN"}};
  fuzz::import_and_check(data + 1, size - 1,
                         [&](const auto& from, auto& to) { return import_columns(from, how, to); });
  return 0;
}
