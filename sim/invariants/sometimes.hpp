#pragma once

#include "messages/connections.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What must be seen over many runs, or they prove little: rare ways through the program that a
/// sweep has to have taken.
namespace lanrage::sim::invariants {

/// All of them, in the order in which people look at them: "connected > reconnecting", "a punch
/// was won" ...
const std::vector<std::string>& sometimes_all();
std::string transition_name(msg::phase from, msg::phase to);

namespace sometimes {
inline constexpr std::string_view punch_won = "a punch was won";
inline constexpr std::string_view punch_lost = "a punch was lost";
inline constexpr std::string_view switch_kept = "a relay switch was kept";
inline constexpr std::string_view switch_reverted = "a relay switch was reverted";
inline constexpr std::string_view went_direct = "a relayed pair went direct";
inline constexpr std::string_view lost_direct = "a direct pair fell back to a relay";
inline constexpr std::string_view repaired[] = {
    "the first repair helped", "the second repair helped", "the third repair helped"};
inline constexpr std::string_view adopted = "a new daemon adopted a session";
inline constexpr std::string_view session_lost = "a WireGuard interface was made anew";
inline constexpr std::string_view collision = "an address collision was resolved";
inline constexpr std::string_view reconciled = "an ambiguous write was reconciled";
inline constexpr std::string_view died = "an actor died and was restarted";
inline constexpr std::string_view exhausted = "a restart budget was exhausted";
inline constexpr std::string_view offline = "a peer was known to be offline";
inline constexpr std::string_view said_bye = "a peer disconnected on purpose";
inline constexpr std::string_view roamed = "WireGuard followed a peer by itself";
inline constexpr std::string_view probe_lost = "a tunnel probe was lost";
inline constexpr std::string_view not_saved = "a record could not be saved";
} // namespace sometimes

/// How often each was seen in a run.
class sometimes_seen {
 public:
  void saw(std::string_view what, std::uint64_t times = 1) {
    if (times > 0) seen_[std::string{what}] += times;
  }
  const std::map<std::string, std::uint64_t>& all() const { return seen_; }

 private:
  std::map<std::string, std::uint64_t> seen_;
};

} // namespace lanrage::sim::invariants
