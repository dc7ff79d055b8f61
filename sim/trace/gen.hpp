#pragma once

#include "sim/trace/import.hpp"

#include <cstdint>

namespace lanrage::sim::trace {

/// Invented traces of the shapes that recordings have. The same options give the same octets on
/// every machine: integers and a seeded stream (net/random.hpp), nothing else.
enum class model : std::uint8_t {
  steady,   ///< a wired link: little jitter, a loss in a thousand
  diurnal,  ///< slower and lossier towards the evening of every 24 hours
  bursty,   ///< losses in bursts, as two states have them (Gilbert 1960, Elliott 1963)
  starlink, ///< a new level every 15 s, with a lost probe or two at the step
  shifts,   ///< long quiet levels with sudden changes of route
  mesh,     ///< all pairs of some nodes, in slices; detours that beat the direct way
};

struct gen_options {
  about_trace about;
  trace::model model = model::steady;
  std::uint64_t seed = 1;
  nanoseconds duration{};
  nanoseconds interval{};
  nanoseconds base{};    ///< the undisturbed round trip; not of a mesh
  std::size_t nodes = 0; ///< of a mesh
};

std::optional<model> parse_model(std::string_view name);

/// What a model has where nothing else is said: duration, interval, base and nodes.
gen_options defaults_of(model which);

/// A problem only if the options ask for more than a trace may hold, or the sink fails.
result<totals> generate(const gen_options& how, byte_sink& to);

} // namespace lanrage::sim::trace
