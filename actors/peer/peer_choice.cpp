#include "actors/peer/peer_connection.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

/// Whether another path than the living one in use would be worth a move: what path_choice is told,
/// and what comes of it. The initiator decides.
namespace lanrage::actors {

using std::chrono::duration_cast;
using std::chrono::microseconds;

namespace {

std::string name_of(const std::optional<path>& one) {
  if (!one) return "none";
  return one->relay ? one->relay->name : "direct";
}

} // namespace

std::vector<path_candidate> peer_connection::candidates() const {
  std::vector<path_candidate> out;
  if (path_) {
    path_candidate here;
    here.where = path_->where;
    here.by = strategy_of(*path_);
    here.forecast = here_.forecast(persistence_);
    out.push_back(here);
  }
  // A direct path comes back by checks in a row (peer_moves.cpp); relays are weighed.
  for (const auto& relay : ranking_) {
    if (path_ && relay.address == path_->where) {
      out.front().pinned = relay.pinned;
      out.front().failures = relay.failures;
      out.front().load_permille = relay.load_permille;
      continue;
    }
    path_candidate one{relay.address, msg::strategy::relay, relay.forecast,     true,
                       relay.pinned,  relay.failures,       relay.load_permille};
    if (const auto* known = book_.find(relay.address))
      one.living = known->sent == 0 || (known->history & 1) != 0;
    out.push_back(one);
  }
  return out;
}

void peer_connection::measured(std::chrono::nanoseconds rtt) {
  here_.answered(duration_cast<microseconds>(rtt), persistence_);
  if (initiator_ && path_ && path_->relay) rank(); // round trips move; the answer reconsiders
}

void peer_connection::reconsider() {
  if (!initiator_ || !up() || up()->check || move_ || !path_ || !path_->relay) return;
  const auto all = candidates();
  const auto decided = chooser_.decide(now_.at, path_->where, all);
  const auto wanted = decided.to ? decided.to : decided.rival;
  const auto others = alternatives();
  const auto there = std::find_if(others.begin(), others.end(),
                                  [&](const auto& one) { return wanted && one.where == *wanted; });
  const auto other = there == others.end() ? std::nullopt : std::optional{*there};
  choice_ = sentence(decided, name_of(path_), name_of(other));
  const auto living = decided.why != path_reason::dead && decided.why != path_reason::start;
  if (decided.to && living && other) start_move(*other, false);
}

} // namespace lanrage::actors
