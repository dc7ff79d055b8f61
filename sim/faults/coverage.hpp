#pragma once

#include "messages/connections.hpp"
#include "sim/faults/plan.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Which faults really did something, and in which states of the connections they touched.
namespace lanrage::sim::faults {

/// The phases of a connection, and last "apart": there is none yet, or no more.
inline constexpr std::size_t states = msg::phase_count + 1;
const char* state_name(std::size_t state);

/// What a run, or a sweep, saw of one kind of fault.
struct seen_kind {
  int kind = 0;
  std::uint64_t planned = 0; ///< faults of that kind in plans
  std::uint64_t fired = 0;   ///< times that one did something
  /// Moments at which one did something while a pair that it touches was in that state.
  std::array<std::uint64_t, states> in{};

  friend bool operator==(const seen_kind&, const seen_kind&) = default;
};

/// Told what members say of their connections and when faults do something. Pure.
class coverage {
 public:
  coverage(const plan& of, std::size_t members);

  void heard(std::uint32_t member, std::uint32_t peer, msg::phase at);
  void forget(std::uint32_t member);
  /// The plan's fault of that number did something. `touched`: members whose pairs count; empty:
  /// everybody's.
  void fired(std::size_t fault, const std::vector<std::uint32_t>& touched, time_point now);

  /// By kind, planned ones only.
  std::vector<seen_kind> result() const;

 private:
  using counts = std::array<std::uint32_t, states>;
  void move(std::uint32_t member, std::uint32_t peer, std::size_t to);

  std::map<int, seen_kind> kinds_;
  std::vector<int> kind_of_; ///< by the plan's number
  std::vector<std::optional<time_point>> last_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> views_;
  std::vector<counts> by_member_;
  counts all_{};
};

/// Together, by kind.
void add_to(std::vector<seen_kind>& into, const std::vector<seen_kind>& more);

/// A table of kinds and states, for people: how many moments, '.' where there was none, and in the
/// end what never fired. Every kind that there is has its row.
std::string matrix_text(const std::vector<seen_kind>& of);
/// Kinds of the table that never fired, by id.
std::vector<int> never_fired(const std::vector<seen_kind>& of);

} // namespace lanrage::sim::faults
