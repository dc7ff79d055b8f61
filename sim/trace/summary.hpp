#pragma once

#include "sim/trace/reader.hpp"

namespace lanrage::sim::trace {

/// The figures of `lanrage trace info`, exact. Of n sorted samples p50 is number n*50/100 and p99
/// number n*99/100, from 0. Without samples there are no values.
struct summary {
  struct values {
    nanoseconds min{}, p50{}, p99{}, max{};
  };
  header head;
  totals counted;
  std::optional<values> of_samples;
};

/// Reads the trace four times, in memory that does not depend on its length: percentiles are
/// found digit by digit. So the input must be one that can be opened again, a file.
result<summary> summarize(const input& from);

} // namespace lanrage::sim::trace
