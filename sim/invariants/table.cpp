#include "sim/invariants/table.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim::invariants {

const std::vector<invariant>& table() {
  using enum occasion;
  constexpr auto safe = sort::safety;
  constexpr auto live = sort::liveness;
  static const std::vector<invariant> all{
      {"S1", safe, second, "a connection, its actor and its WireGuard peer exist together"},
      {"S2", safe, second, "no two members have the same virtual address, nor a reserved one"},
      {"S3", safe, event, "no write gives a peer the address of another WireGuard peer"},
      {"S4", safe, message, "a write that is acknowledged is in WireGuard"},
      {"S5", safe, message, "one call of WireGuard at a time, carried out in the order asked for"},
      {"S6", safe, event, "nothing is written for a peer after its removal was acknowledged"},
      {"S7", safe, message, "only legal changes of state; failed after exactly three repairs"},
      {"S8", safe, second, "connected means answered lately, degraded means answered slowly"},
      {"S9", safe, message, "a trial of another relay ends on the faster one, in time"},
      {"S10", safe, message, "a living pair does not change relays all the time"},
      {"S11", safe, message,
       "the endpoint in use is the peer's or a relay's, direct where NATs let"},
      {"S12", safe, message, "an own address counts only if somebody really saw it"},
      {"S13", safe, event, "an echo is answered once, and only if it was asked"},
      {"S14", safe, event, "an echo that is lost has a named cause"},
      {"S15", safe, second, "timers, requests and queues are bounded and end with their owner"},
      {"S16", safe, event, "what was acknowledged is not lost, and nothing is written twice"},
      {"S17", safe, event, "time never goes back, and every event comes when it is due"},
      {"S18", safe, event, "delivered + dropped + under way = sent + duplicated"},
      {"S19", safe, event, "no error in the log, no actor that dies by itself"},
      {"S20", safe, event, "no secret in the log"},
      {"S21", safe, message,
       "only the initiator of a pair tells WireGuard an endpoint to start at"},
      {"S22", safe, event, "nobody reads what is for another"},
      {"L1", live, second, "a pair with a path is connected in time"},
      {"L2", live, second, "a pair that can be direct is direct in time"},
      {"L3", live, second, "a relayed pair ends on a relay that is about the best"},
      {"L4", live, second, "WireGuard is as it was acknowledged to be, or is made so in time"},
      {"L5", live, message, "a disconnect is answered in time"},
      {"L6", live, second, "a daemon that ends leaves no actor behind"},
      {"L7", live, second, "no connection stays longer in a state than the state's deadline"},
  };
  return all;
}

const invariant& find(std::string_view id) {
  const auto& all = table();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.id == id; });
  if (found == all.end()) throw std::logic_error("no invariant " + std::string{id});
  return *found;
}

void findings::add(std::string_view id, duration at, std::string who, std::string text) {
  const auto& about = find(id); // its id lives as long as the program
  if (all_.size() >= most || !known_.emplace(std::string{id}, who).second) return;
  all_.push_back({about.id, at, std::move(who), std::move(text)});
}

bool findings::has(std::string_view id) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& each) { return each.id == id; });
}

} // namespace lanrage::sim::invariants
