#pragma once

#include "net/keys.hpp"
#include "net/relay/gate.hpp"
#include "net/relay/limits.hpp"
#include "net/relay/route_table.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lanrage::net::relay {

/// A member's right to reach a party, from a token that was valid when shown.
struct membership {
  std::uint32_t party = 0; ///< place in the member table
  std::uint64_t token_expires_unix_s = 0;
  std::uint32_t rate_kbit_s = 0; ///< 0: the relay's default
};

/// What every packet looks at stands first, close together.
struct member {
  bool used = false;
  std::uint32_t via = 0; ///< the shell's: which socket reaches the address
  member_hash hash;
  steady_time heard;                     ///< last registration or routed packet
  std::chrono::nanoseconds octet_cost{}; ///< time one octet takes at its rate
  gate sending;
  gate receiving;
  endpoint address; ///< invalid after another member proved to be there
  /// The stream it was registered from before, still open: what it sends there still counts, so
  /// that a member that returns to UDP loses nothing on the way.
  endpoint flow;
  std::vector<membership> parties;
  route_table routes;

  wg_public_key key;
  std::array<std::uint8_t, 32> mac1_key{};
  std::optional<shared_key> mac_key; ///< derived when first needed
  std::uint64_t timestamp = 0;       ///< of the last registration or bye; only grows
  /// Members it sent an initiation to, the latest at the end: who is rekeyed next stands first.
  std::vector<slot> initiated;
  std::uint64_t tested = 0; ///< mark of the mac1 search that tried this member last
  gate refusals;
  gate mac1_tests;
};

/// The registered members, their parties, and the timestamps of those who left. Every lookup is a
/// hash or an index; every table has a bound; a full one refuses newcomers and evicts nobody.
class member_table {
 public:
  enum class joining { joined, renewed, full };

  member_table(const relay_limits& limits, std::uint64_t seed);

  /// Live members only: one whose time is over is removed by the lookup that meets it.
  member* at(const endpoint& address, steady_time now);
  member* find(const wg_public_key& key, steady_time now);
  member* find(const member_hash& hash, steady_time now);
  /// By place; null unless it holds a live member.
  member* in(slot place, steady_time now);
  const member* in(slot place, steady_time now) const;
  slot place_of(const member& who) const { return static_cast<slot>(&who - members_.data()); }

  /// Null when the table is full. The newcomer is in no party yet. Invalidates other pointers.
  member* add(const wg_public_key& key, steady_time now);
  void move(member& who, const endpoint& address, std::uint32_t via);
  /// The stream is over, whoever's it was.
  void forget_flow(const endpoint& flow);
  joining join(member& who, const party_id& party, std::uint64_t token_expires_unix_s,
               std::uint32_t rate_kbit_s);
  void remove(member& who, steady_time now);
  bool share_party(const member& a, const member& b) const;
  const std::vector<slot>& party(const membership& of) const { return parties_[of.party].members; }
  const party_id& party_id_of(const membership& of) const { return parties_[of.party].id; }

  /// The last timestamp of somebody who is not live (0: none known).
  std::uint64_t departed_timestamp(const wg_public_key& key) const;
  /// How many are remembered, and letting go of those who left before `until`, or of all.
  std::size_t departed() const { return departures_.size(); }
  void forget_departed(steady_time until);
  void forget_departed();
  void restore_departed(const wg_public_key& key, std::uint64_t timestamp, steady_time left);
  struct departure {
    steady_time left;
    wg_public_key key;
    std::uint64_t timestamp = 0;
  };
  const std::deque<departure>& departures() const { return departures_; }

  struct swept {
    std::size_t members = 0;
    std::size_t routes = 0;
  };
  /// Expires what is over among the next `count` places, continuing where the last call ended.
  swept sweep(std::size_t count, instant now);

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return members_.size(); } ///< places in use or free
  std::size_t party_count() const { return party_by_id_.size(); }
  std::size_t route_count() const { return routes_; }
  /// To be told what route_table answered, so that the total is known.
  void count_routes(std::ptrdiff_t change) { routes_ += change; }
  bool room_for_routes() const { return routes_ < limits_.routes; }

 private:
  struct party_entry {
    party_id id;
    std::vector<slot> members;
  };
  bool live(const member& who, steady_time now) const;
  member* live_or_removed(slot place, steady_time now);
  void leave(member& who, std::size_t at);
  void set_rate(member& who) const;

  relay_limits limits_;
  std::vector<member> members_;
  std::vector<slot> free_;
  std::vector<party_entry> parties_;
  std::vector<std::uint32_t> free_parties_;
  std::unordered_map<wg_public_key, slot, seeded_hash> by_key_;
  std::unordered_map<member_hash, slot, seeded_hash> by_hash_;
  std::unordered_map<endpoint, slot, seeded_hash> by_address_;
  std::unordered_map<party_id, std::uint32_t, seeded_hash> party_by_id_;
  std::unordered_map<wg_public_key, std::uint64_t, seeded_hash> departed_;
  std::deque<departure> departures_; ///< in the order they left
  std::size_t size_ = 0;
  std::size_t routes_ = 0;
  std::size_t sweep_at_ = 0;
};

} // namespace lanrage::net::relay
