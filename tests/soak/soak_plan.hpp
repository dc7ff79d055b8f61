#pragma once

#include "sim/faults/plan.hpp"
#include "sim/scenario/script.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

/// Fault plans (docs/faults.md) that real processes can play: which kinds, and whose packets they
/// may cost. Pure.
namespace lanrage::soak {

using sim::duration;

/// The ids of the kinds that the laboratory can do.
const std::set<int>& possible();
/// Whom of a scenario the laboratory can do it to.
std::vector<std::string> targets_of(const sim::faults::kind& of, const sim::scenario::script& cast);
/// With every "all" replaced by names. What the laboratory cannot do is a lab::failure that names
/// it: nothing of a plan is left out silently.
sim::faults::plan checked(sim::faults::plan of, const sim::scenario::script& cast);

/// Whose packets a fault may cost. What is in `nobody` is the point of the exercise: a daemon that
/// is killed, a control server that is gone and a full disk cost no packet of a tunnel.
enum class harm : std::uint8_t {
  nobody,
  targets, ///< pairs with a member that it is aimed at
  relayed, ///< pairs that are not direct when it begins
};
harm harm_of(const sim::faults::fault& one, const sim::faults::plan& in);
/// The members that are meant: themselves, or by their boxes.
std::set<std::string> members_of(const sim::faults::fault& of, const sim::scenario::script& cast);

/// A time in which packets may be lost, and whose.
struct excuse {
  duration from{};
  duration to{};
  std::set<std::string> members; ///< every pair with one of them
  bool relayed = false;          ///< pairs that were not direct when it began

  friend bool operator==(const excuse&, const excuse&) = default;
};
/// After the last of faults that overlap everything has to be as before so soon.
inline constexpr duration settle = std::chrono::seconds{20};
/// Faults that overlap, what they need to settle included, have one excuse together: what one of
/// them broke may need what another one took away to be repaired. In the order of their times.
std::vector<excuse> excuses(const sim::faults::plan& of, const sim::scenario::script& cast);

/// A plan of rounds: two to four faults that overlap, then time to settle and a quiet time, in
/// which no packet may be lost. Everything is drawn from the seed.
sim::faults::plan draw(std::uint64_t seed, const sim::scenario::script& cast, duration length);
inline constexpr duration round_length = std::chrono::seconds{40};
inline constexpr duration faults_within = std::chrono::seconds{12}; ///< of a round's beginning

} // namespace lanrage::soak
