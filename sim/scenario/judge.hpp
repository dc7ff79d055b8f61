#pragma once

#include "messages/connections.hpp"
#include "sim/scenario/script.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lanrage::sim::scenario {

/// What one member says of its connection to another.
struct pair_view {
  msg::phase at{};
  std::optional<msg::strategy> how;
  std::string relay; ///< its name; empty: none
};

/// An expectation that was not met.
struct missed {
  /// Safety: something that must never happen did. Liveness: something did not happen in time.
  enum class kind : std::uint8_t { safety, liveness };
  kind what = kind::safety;
  place where; ///< in the scenario
  std::string text;
  std::string id{}; ///< of the invariant (docs/invariants.md); empty: an expectation
};

/// How a stream of echoes fared, the silence before the first and behind the last answer counted.
struct ping_result {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  duration silence{};
};

/// Holds the run against its expectations. Pure: it is told what happens and when.
class judge {
 public:
  explicit judge(const script& on);

  /// A member's view of its connection to `peer`; absent: there is none (any more).
  void heard(duration now, std::uint32_t member, std::uint32_t peer, std::optional<pair_view> view);
  /// Its daemon ended: it has no views.
  void forget(duration now, std::uint32_t member);
  /// A line of the log, without its time.
  void line(duration now, std::string_view text);
  /// What was expected of no line in the scenario: a defect of the run itself.
  void trouble(missed::kind what, place where, std::string text);

  /// When look() is due, per expectation; at most two moments each.
  std::vector<std::pair<duration, std::size_t>> moments() const;
  void look(duration now, std::size_t expectation);

  bool wants_distinct() const;
  /// Addresses in use by member; 0: none.
  void addresses(duration now, const std::vector<std::uint32_t>& of);

  /// At the end, which may come before or after the scenario's own. `streams` by their numbers;
  /// absent: not begun.
  const std::vector<missed>& finish(duration end,
                                    const std::vector<std::optional<ping_result>>& streams);

 private:
  /// What there is to know about one expectation while the run goes on.
  struct state {
    std::vector<bool> among; ///< pairs: by member
    std::size_t pairs = 0;   ///< that there are
    std::size_t holding = 0; ///< of them
    bool reached = false;    ///< by: it was so once
    bool judged = false;     ///< nothing more to find out
    bool active = false;     ///< from: holds now
    std::uint64_t lines = 0; ///< that matched
  };

  bool holds(const expect_pairs& wanted, std::uint32_t a, std::uint32_t b) const;
  void count(duration now, std::uint32_t a, std::uint32_t b, int change);
  void after(duration now, std::size_t expectation);
  void miss(std::size_t expectation, missed::kind what, std::string text);
  std::string why_not(const expect_pairs& wanted, const state& now) const;
  std::string view_text(std::uint32_t member, std::uint32_t peer) const;
  void finish_pings(std::size_t expectation, const expect_pings& wanted, const ping_result& got);

  const script& script_;
  std::vector<state> states_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, pair_view> views_; ///< member, peer
  std::vector<missed> missed_;
};

/// "12.5s": for messages.
std::string seconds_text(duration time);

} // namespace lanrage::sim::scenario
