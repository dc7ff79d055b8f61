#pragma once

#include "net/keys.hpp"
#include "net/wg/state.hpp"
#include "sim/world/moment.hpp"
#include "sim/world/wg_session.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::sim {

/// What the world tells somebody who only watches. Whoever is told must not change anything: the
/// same run with and without it gives the same log. Members go by their numbers.
class world_watcher {
 public:
  virtual ~world_watcher() = default;

  // --- time ---
  /// Before the next event of the world: all actors are at rest.
  virtual void before_event(time_point /*due*/) {}
  virtual void after_event() {}
  /// The world was changed from outside: by a scenario, a fault, a test.
  virtual void disturbed() {}
  /// In particular: where members are, or what their boxes do.
  virtual void rewired() { disturbed(); }
  virtual void line(std::string_view /*text*/) {} ///< of the log, without its time

  // --- daemons ---
  virtual void daemon_started(std::uint32_t /*member*/) {}
  virtual void daemon_killed(std::uint32_t /*member*/) {}
  /// Somebody changed or took what it had saved: it knows no more what it was told.
  virtual void files_lost(std::uint32_t /*member*/) {}
  /// It left a party: it and the others forget what users wanted of each other.
  virtual void parted(std::uint32_t /*member*/) {}
  /// An incarnation of a role or of a peer's actor ("peer NAME", actors/wiring.cpp).
  virtual void actor_born(std::uint32_t /*member*/, const std::string& /*name*/,
                          std::uint64_t /*actor*/) {}
  virtual void actor_died(std::uint32_t /*member*/, const std::string& /*name*/,
                          std::uint64_t /*actor*/, const caf::error& /*why*/) {}
  /// The next death of this actor is somebody's will.
  virtual void death_ordered(std::uint32_t /*member*/, const std::string& /*name*/) {}
  /// From now on its actors and their timers keep no time; told as often off as on.
  virtual void mistimed(std::uint32_t /*member*/, bool /*on*/) {}
  /// An actor is about to handle a message.
  virtual void message(std::uint64_t /*actor*/, caf::mailbox_element& /*what*/) {}

  // --- WireGuard ---
  virtual void device_made(std::uint32_t /*member*/) {}
  virtual void device_deleted(std::uint32_t /*member*/) {}
  /// Somebody changed it past its daemon, or had a call fail, late or answered wrongly.
  virtual void device_touched(std::uint32_t /*member*/) {}
  /// In particular: had a call fail.
  virtual void device_failed(std::uint32_t member) { device_touched(member); }
  /// In particular: changed what WireGuard knows of this peer. It is done already.
  virtual void device_edited(std::uint32_t member, const net::wg_public_key& /*peer*/) {
    device_touched(member);
  }
  /// Before they are applied.
  virtual void changes(std::uint32_t /*member*/, const std::vector<net::wg::change>&) {}

  // --- packets of users and echoes of daemons ---
  /// `member` asks; what becomes of the packet is told by what follows.
  virtual void echo_asked(std::uint32_t /*member*/, const inner_packet&) {}
  virtual void echo_answered(std::uint32_t /*member*/, const inner_packet&) {}
  /// A packet came out of this member's tunnel, whoever it is for.
  virtual void decrypted(std::uint32_t /*member*/, const inner_packet&) {}
  /// One more (or less) copy of it is in WireGuard's queue or under way.
  virtual void echo_carried(const echo_key&, int /*change*/) {}
  virtual void echo_lost(const echo_key&, std::string_view /*cause*/) {}
};

} // namespace lanrage::sim
