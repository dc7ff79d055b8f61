#pragma once

#include "net/frames.hpp"
#include "net/relay/limits.hpp"

#include <cstdint>
#include <vector>

namespace lanrage::net::relay {

/// Where the member table keeps a member.
using slot = std::uint32_t;
inline constexpr slot no_slot = 0xffffffff;

/// "Packets of this member with this receiver index go to `to`."
struct route {
  session_index index;
  member_hash to;
  /// Proven: claimed by the owner or used by it. Until then anybody who can fake a source address
  /// may have written it (an initiation's mac1 needs the public key only).
  bool proven = false;
  slot hint = no_slot; ///< where `to` was last found; to be checked
  steady_time used;
};

/// The WireGuard sessions of one member, by receiver index. A sorted array: compact, ordered for
/// reproducible output, and at most a few hundred entries.
class route_table {
 public:
  enum class outcome { added, refreshed, refused };

  /// The route of this index, unless it has been idle for `idle` or longer.
  route* find(const session_index& index, steady_time now, std::chrono::seconds idle);

  /// What a handshake passing by tells: `to` will be addressed by this index. Never takes an index
  /// from a proven, live route to somebody else. Beyond `limits.provisional_per_peer` unproven
  /// routes to the same member the oldest of them is given up.
  outcome learn(const session_index& index, const member_hash& to, slot hint, steady_time now,
                const relay_limits& limits, bool room);

  /// What the owner itself says; overrides anything.
  outcome claim(const route_claim& said, steady_time now, const relay_limits& limits, bool room);

  /// Puts back a saved route.
  void restore(const route& saved);

  /// Removes idle routes; returns how many.
  std::size_t expire(steady_time now, std::chrono::seconds idle);

  /// The most recently used `count`, ordered by index.
  std::vector<route_claim> recent(std::size_t count) const;

  std::size_t size() const { return routes_.size(); }
  const std::vector<route>& all() const { return routes_; }

 private:
  using place = std::vector<route>::iterator;
  place at(const session_index& index);
  bool give_up_oldest(const member_hash& to, std::size_t allowed);

  std::vector<route> routes_;
};

} // namespace lanrage::net::relay
