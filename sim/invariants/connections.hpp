#pragma once

#include "config/settings.hpp"
#include "messages/connections.hpp"
#include "sim/invariants/table.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lanrage::sim::invariants {

/// A member's view of a connection: who says it, and which incarnation of whose actor.
struct said {
  std::uint32_t member = 0;
  std::uint64_t actor = 0;
  std::string who; ///< "alice-bob"
  config::health_settings health;
};

/// What a member says of its connections, word by word (S7 to S10, L7). Pure.
class connection_rules {
 public:
  using pair = std::pair<std::uint32_t, net::wg_public_key>; ///< member, peer
  /// Every change of state, for the sometimes-properties.
  using passed = std::function<void(msg::phase from, msg::phase to)>;

  explicit connection_rules(findings& found, passed to = {})
      : found_(found), passed_(std::move(to)) {}

  void heard(const said& by, const msg::connection_view& view, duration now);
  /// The tunnel answered an echo of this member's daemon.
  void answered(std::uint32_t member, net::virtual_ip by, duration rtt, duration now);
  /// It may go on without an actor, or not any more.
  void may_rest(std::uint32_t member, const net::wg_public_key& peer, bool rests);
  /// There is no connection any more.
  void closed(std::uint32_t member, const net::wg_public_key& peer);
  /// Its actor is dead: what it said last is stale until another speaks.
  void actor_died(std::uint64_t actor);
  /// Its supervisor died: what peers say until there is another one is lost.
  void unheard(std::uint32_t member);
  void daemon_ended(std::uint32_t member);
  /// Its actors and timers keep no time: nobody can ask when it does what, and a while after.
  void mistimed(std::uint32_t member, bool on, duration now);
  bool in_time(std::uint32_t member, duration now) const;
  void look(duration now);

  struct state {
    said by;
    msg::connection_view view;
    duration since{};     ///< in this phase
    bool stale = false;   ///< its actor died
    bool rests = false;   ///< it needs no actor, it said
    bool unheard = false; ///< something may have been said since
    int attempt = 0;      ///< of repair
    duration attempt_at{};
    std::optional<msg::connection_view> before_trial;
    std::deque<duration> switches;
  };
  const std::map<pair, state>& all() const { return states_; }

  /// Relay switches per hour that are no repair: one in path_dwell (config/path_defaults.hpp).
  static constexpr std::size_t switches_per_hour = 60;

 private:
  void transition(state& s, const msg::connection_view& view, bool same_actor, duration now);
  void repairs(state& s, const msg::connection_view& view, duration now);
  void health(const said& by, const state* before, const msg::connection_view& view, duration now,
              bool gap);
  void trial(state& s, const msg::connection_view& view, duration now);
  void switches(state& s, const msg::connection_view& view, duration now);
  void add(std::string_view id, duration now, const said& by, std::string text);

  struct answers {
    duration at{};
    std::vector<duration> rtts; ///< at that moment
  };
  findings& found_;
  passed passed_;
  std::map<pair, state> states_;
  std::map<std::pair<std::uint32_t, net::virtual_ip>, answers> answers_;
  struct mistiming {
    int count = 0;
    duration last{}; ///< when one ended
  };
  std::map<std::uint32_t, mistiming> mistimed_;
};

/// A change that one event may lead to: by the table of the state machine, over negotiating too,
/// which an initiator that knows a path leaves at once.
bool may_follow(msg::phase from, msg::phase to);
/// How long a connection may stay in a state; absent: for ever.
std::optional<duration> longest_in(msg::phase phase);
/// Users' packets pass as far as the daemon knows.
bool is_up(msg::phase phase);

} // namespace lanrage::sim::invariants
