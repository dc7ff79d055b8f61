#pragma once

/// Where this checkout and its build are. Only places.cpp is compiled with them, so that compiling
/// a test gives the same object in every checkout and ccache has it.
namespace lanrage::places {

extern const char* const source;        ///< of the checkout
extern const char* const program;       ///< the built `lanrage`
extern const char* const shifted_clock; ///< the built shifted_clock.cpp, to be preloaded
extern const char* const traces;        ///< recorded latency (docs/traces.md); empty: none given

} // namespace lanrage::places
