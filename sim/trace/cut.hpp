#pragma once

#include "sim/trace/reader.hpp"
#include "sim/trace/sink.hpp"

#include <vector>

namespace lanrage::sim::trace {

struct cut_options {
  nanoseconds from{};               ///< the first moment that stays
  std::optional<nanoseconds> until; ///< the first that does not
  std::vector<link_id> links;       ///< those that stay, numbered anew in this order; empty: all
};

/// A part of a trace: exactly its records within [from, until), `from` being the new origin. A link
/// that is down at `from` goes down there. The whole trace is read, so a damaged one is no source.
/// Nodes stay, and so does a mesh unless links are picked; then its blocks become records.
result<totals> cut(const input& trace, const cut_options& how, byte_sink& to);

} // namespace lanrage::sim::trace
