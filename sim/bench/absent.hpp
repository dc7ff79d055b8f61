#pragma once

#include "net/control/protocol.hpp"
#include "sim/world.hpp"

#include <cstdint>
#include <vector>

/// The world that shows what a peer costs that is configured and nothing else.
namespace lanrage::sim {

struct absent_settings {
  std::uint32_t members = 10'000; ///< that are away; as many parties as they need
  std::uint64_t seed = 1;
};

/// One daemon in parties whose other members were there once: each logged in with a key of its own,
/// published a record and left. The same settings give the same log.
class absent_members {
 public:
  explicit absent_members(absent_settings settings);

  /// The others come and go. Throws std::runtime_error when one is refused.
  void come_and_go();
  /// The daemon starts, joins all parties, and configures everybody in WireGuard; returns how long
  /// that took. Throws std::runtime_error when that does not come about.
  duration configure();
  void run_for(duration span) { world_.run_for(span); }
  std::size_t connections(); ///< as the daemon's status has them
  std::uint64_t events() { return world_.events() + world_.actors().timers(); }
  std::uint64_t log_hash() { return world_.log().hash(); }

 private:
  void one(std::uint32_t number);
  void publish(std::uint64_t connection, const net::peer_record& record,
               const net::sign_private_key& sign_key, const net::party_secret& secret);

  absent_settings settings_;
  world world_;
  member_id daemon_;
  node_id elsewhere_; ///< where they all were
  std::vector<net::party_secret> parties_;
  net::random_source random_;
  std::uint32_t published_ = 0;
};

} // namespace lanrage::sim
