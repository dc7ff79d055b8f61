#pragma once

#include "sim/world.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lanrage::sim::invariants {

/// What the world's boxes and links let members do. Looks only; draws nothing, sends nothing.
class reach {
 public:
  explicit reach(world& in) : world_(in) {}

  /// A way between two nodes on which nothing is broken: everything up, nothing cut, no losses to
  /// speak of, no recording (whose next minute nobody knows).
  struct way {
    duration one{}; ///< one way, the mean of the jitter included
  };
  std::optional<way> sound(node_id from, node_id to);
  /// There and back.
  std::optional<duration> round_trip(node_id a, node_id b);
  /// The best way over one of the relays that run; none: no relay is of use to both.
  std::optional<duration> best_relay(member_id a, member_id b);
  std::optional<duration> over_relay(member_id a, member_id b, const std::string& relay);

  enum class direct : std::uint8_t {
    never,   ///< the boxes do not let two members find each other
    perhaps, ///< a matter of luck: predicted ports, boxes that remember refusals
    surely   ///< by RFC 4787's terms (RFC 5128, 3.3)
  };
  direct directness(member_id a, member_id b);
  /// The families that both have an address of.
  families shared(node_id a, node_id b);
  /// The control server runs and is reached.
  bool controlled(member_id who);

  /// Notes where members and relays are seen from outside now.
  void note_addresses();
  /// Whether it is, or was, this member's: a machine's own address or its boxes' outer ones.
  bool belongs(const net::ip_address& address, member_id who) const;
  /// The same of the relays.
  bool is_relay(const net::endpoint& where);
  /// From the member outwards: itself, then its boxes.
  std::vector<node_id> outwards(node_id from);

  static constexpr std::uint32_t sound_loss_ppm = 1'000;

 private:
  world& world_;
  std::map<member_id, std::set<net::ip_address>> seen_;
  std::set<net::ip_address> relays_seen_;
};

} // namespace lanrage::sim::invariants
