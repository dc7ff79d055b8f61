#pragma once

#include "sim/invariants/connections.hpp"
#include "sim/invariants/reach.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace lanrage::sim::invariants {

/// What comes about between two members while nothing is broken (L1 to L3): both daemons run and
/// reach the control server, both are in one party, and there is a sound way between them.
class liveness_rules {
 public:
  /// One pair at one moment.
  struct pair_now {
    bool wanted = false;     ///< in one party, both running, nobody disconnected it
    bool controlled = false; ///< both reach the control server
    reach::direct direct = reach::direct::never;
    bool direct_sound = false; ///< the links of the direct way are whole
    std::optional<duration> best_relay;
    std::optional<duration> used_relay; ///< over the relay that both use now
    bool up = false;                    ///< both say so
    bool failed = false;                ///< one of them
    bool is_direct = false;             ///< both say so
    std::string views;                  ///< what both say, for messages
  };
  explicit liveness_rules(findings& found) : found_(found) {}

  void look(std::uint32_t a, std::uint32_t b, const std::string& who, const pair_now& is,
            duration now);
  /// Somebody changed the world.
  void disturbed(duration now) { disturbed_ = now; }
  duration disturbed_at() const { return disturbed_; }

  static duration connect_bound(bool failed);
  static duration direct_bound();
  static duration relay_bound();

 private:
  struct since {
    std::optional<duration> sound; ///< there is a way
    std::optional<duration> direct;
    std::optional<duration> relayed;
    bool was_failed = false;
  };
  findings& found_;
  duration disturbed_{};
  std::map<std::pair<std::uint32_t, std::uint32_t>, since> pairs_;
};

} // namespace lanrage::sim::invariants
