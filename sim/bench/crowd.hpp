#pragma once

#include "sim/world.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// The world that benchmarks measure: many members who are all up, and nothing but time passing.
namespace lanrage::sim {

struct crowd_settings {
  std::uint32_t members = 1'000; ///< rounded up to whole groups
  /// Members of one party; each is connected to all others of it. 2: pairs; 9: eight links each.
  std::uint32_t group = 2;
  std::chrono::seconds check_interval = config::defaults::check_interval;
  std::uint64_t seed = 1;
};

/// What peer actors did, by their own counters.
struct crowd_counts {
  std::uint64_t peers = 0;     ///< peer actors: two per connected pair
  std::uint64_t connected = 0; ///< of these
  std::uint64_t direct = 0;    ///< of these
  /// Health checks that were answered. A round trip is one of them: the peer actor's timer asks its
  /// prober for an echo, which goes through WireGuard, the virtual network and WireGuard on the
  /// other side and back again, and the actor takes the answer into its state and tells its
  /// supervisor.
  std::uint64_t round_trips = 0;
};

/// Members on the internet in parties of `group`, in the real wiring: every daemon with all its
/// actors, a control server, a relay. The links between members have 1 to 80 ms one way, each its
/// own. The same settings give the same log.
class crowd {
 public:
  explicit crowd(crowd_settings settings);

  /// Starts everybody and lets them join; returns when every pair of a group is connected. Throws
  /// std::runtime_error when that does not come about.
  void meet();
  void run_for(duration span) { world_.run_for(span); }
  crowd_counts counts();
  /// What happened so far: packets that reached a node, WireGuard's timers, the actors' timers.
  std::uint64_t events() { return world_.events() + world_.actors().timers(); }
  std::uint64_t log_hash() { return world_.log().hash(); }
  std::size_t members() const { return members_.size(); }
  duration now() { return world_.now().time_since_epoch(); }

 private:
  void start_group(std::size_t first);

  crowd_settings settings_;
  world world_;
  std::vector<member_id> members_;
};

/// One way between the members of link `number`: 1 to 80 ms in steps of a microsecond.
duration delay_of_link(std::uint64_t number);

} // namespace lanrage::sim
