#pragma once

#include <cstdint>

#ifdef LANRAGE_CANARIES
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#endif

/// Bugs that are planted on purpose, one at a time, to see whether the simulation finds them
/// (docs/invariants.md). A program that is built to be used has none of this: planted() is the
/// constant false there. With -DLANRAGE_CANARIES=ON, as the tests are built, the environment
/// variable LANRAGE_CANARY says which one sings.
namespace lanrage::config {

enum class canary : std::uint8_t {
  none,
  stale_timer,            ///< a timer of an earlier state ends the present one
  write_after_disconnect, ///< the peer is written once more after its removal
  both_initiate,          ///< both sides of a pair start the handshake
  lease_twice,            ///< an address is leased although somebody has it
  unordered_iteration,    ///< peers are told in the order of their addresses in memory
};

#ifdef LANRAGE_CANARIES
// Another namespace than the other one's: nobody mixes the two up.
inline namespace canaries_planted {

inline canary canary_of_environment() {
  static constexpr std::array<std::string_view, 6> names{
      "none",          "stale-timer", "write-after-disconnect",
      "both-initiate", "lease-twice", "unordered-iteration"};
  const char* wanted = std::getenv("LANRAGE_CANARY");
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!wanted || names[i] == wanted) return static_cast<canary>(i);
  std::fprintf(stderr, "LANRAGE_CANARY: found '%s', expected one of config/canary.hpp\n", wanted);
  std::exit(2);
}

inline bool planted(canary which) {
  static const canary sings = canary_of_environment();
  return which == sings;
}

} // namespace canaries_planted
#else
constexpr bool planted(canary) {
  return false;
}
#endif

} // namespace lanrage::config
