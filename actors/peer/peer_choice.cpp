#include "actors/peer/peer_connection.hpp"
#include "config/path_defaults.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

/// Whether another path than the living one in use would be worth a move: what path_choice is told,
/// and what comes of it. The initiator decides.
namespace lanrage::actors {

namespace defaults = config::defaults;
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
    if (const auto lost = lost_share_permille()) {
      const auto more = microseconds{defaults::path_lost_as} * *lost / 1'000;
      here.forecast.expected += more;
      here.forecast.usual += more;
      here.forecast.loss_permille = *lost;
    }
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
  if (!initiator_ || !path_) return;
  if (!path_->relay) return weigh_detour(rtt);
  recheck_lost();
  rank(); // round trips move; the answer reconsiders
}

/// A relay whose last check was lost is no choice until one is answered, and nobody else asks it.
void peer_connection::recheck_lost() {
  for (const auto& relay : ranking_) {
    const auto* known = book_.find(relay.address);
    const auto lost = known && known->sent > 0 && (known->history & 1) == 0;
    if (lost && relay.address != path_->where && now_.at - known->asked >= health_.check_interval)
      check(through(relay), false);
  }
}

bool peer_connection::clearly_slower(std::chrono::nanoseconds rtt,
                                     std::chrono::nanoseconds than) const {
  return rtt >
         than + std::max<std::chrono::nanoseconds>(defaults::path_gain_least,
                                                   than * defaults::path_gain_least_percent / 100);
}

/// Than the direct path in use, by what is known of the relay's legs.
bool peer_connection::relay_looks_shorter(std::chrono::nanoseconds rtt) const {
  return std::any_of(ranking_.begin(), ranking_.end(), [&](const auto& relay) {
    return relay.forecast.samples > 0 && clearly_slower(rtt, relay.forecast.expected);
  });
}

/// The direct path took so long: is it a detour? What slows it down may slow down relays, too, so
/// one that looks shorter is measured now before anything is decided.
void peer_connection::weigh_detour(std::chrono::nanoseconds rtt) {
  for (const auto& relay : ranking_) {
    if (relay.forecast.samples == 0 || !clearly_slower(rtt, relay.forecast.expected)) continue;
    const auto* known = book_.find(relay.address);
    if (!known || !known->answered || now_.at - *known->answered > defaults::detour_fresh)
      return check(through(relay), false);               // the answer comes back here
    if (clearly_slower(rtt, known->last)) return rank(); // the answer reconsiders
  }
}

/// A check over a path was answered while the direct one is in use. Choices are made by what the
/// tunnel takes, so that is measured first.
void peer_connection::checked_beside(const path_book::entry& known) {
  if (known.what.where != path_->where) {
    if (latency_) weigh_detour(*latency_);
  } else if (relay_looks_shorter(known.last) && (!detour_at_ || now_.at >= *detour_at_)) {
    detour_at_ = now_.at + defaults::detour_gap; // a probe is traffic, which is checked, and so on
    check_now();
  }
}

/// Health checks are rare and a lost one is a repair: only checks beside traffic tell what a path
/// loses. An idle pair has none.
void peer_connection::watch_traffic() {
  if (watch_at_ && now_.at < *watch_at_) return;
  watch_at_.reset();
  if (!initiator_ || !up() || !path_ || !liveness_.carries(now_.at)) return;
  watch_at_ = now_.at + defaults::traffic_check_gap;
  if (move_ || up()->check) return;
  check(*path_, false);
  if (lost_share_permille()) rank(); // the answer reconsiders
}

/// What checks beside traffic saw the path in use lose; none: nothing, or too few to tell.
std::optional<std::uint16_t> peer_connection::lost_share_permille() const {
  const auto* checked = book_.find(path_->where);
  if (!checked) return std::nullopt;
  const auto asked = checked->asked_since(watched_from_);
  const auto lost = checked->lost_since(watched_from_);
  if (asked < defaults::traffic_checks_min || lost <= 1) return std::nullopt; // one is under way
  return static_cast<std::uint16_t>(lost * 1'000 / asked);
}

std::string_view peer_connection::against(const net::endpoint& where) const {
  if (direct_before_ && direct_before_->where == where && direct_not_before_ &&
      now_.at < *direct_not_before_)
    return "was left by mistake of late";
  const auto* known = book_.find(where);
  if (!known) return {};
  if (known->hiccups_of_late() > defaults::direct_hiccups_max)
    return "lost packets again and again";
  // One measurement is chance; several in a row are not.
  const auto here = here_.forecast(persistence_);
  const auto answers = known->asked_of_late() - known->lost_of_late();
  if (path_ && path_->relay && here.samples > 0 && answers >= defaults::direct_checks &&
      known->rtt && clearly_slower(*known->rtt, here.usual))
    return "takes clearly longer than the relay";
  return {};
}

/// If it is the direct path that we left, and it answers at once, it was not dead, and leaving it
/// was a mistake that we would make again. The next stay on the relay is longer.
void peer_connection::judge_leaving(const net::endpoint& answering) {
  if (!relayed_since_ || !direct_before_ || direct_before_->where != answering) return;
  if (std::exchange(direct_judged_, true)) return;
  if (now_.at - *relayed_since_ >= defaults::false_death_within) return;
  if (ours_changed_ && now_.at - *ours_changed_ < defaults::change_explains_for) return;
  if (false_death_ && now_.at - *false_death_ >= defaults::path_caution_forgotten)
    direct_again_.reset();
  false_death_ = now_.at;
  direct_not_before_ = now_.at + direct_again_.next();
}

void peer_connection::reconsider() {
  if (!initiator_ || !up() || up()->check || move_ || !path_) return;
  const auto all = candidates();
  const auto decided = chooser_.decide(now_.at, path_->where, all);
  const auto wanted = decided.to ? decided.to : decided.rival;
  const auto others = alternatives();
  const auto there = std::find_if(others.begin(), others.end(),
                                  [&](const auto& one) { return wanted && one.where == *wanted; });
  const auto other = there == others.end() ? std::nullopt : std::optional{*there};
  choice_ = sentence(decided, name_of(path_), name_of(other));
  const auto living = decided.why != path_reason::dead && decided.why != path_reason::start;
  if (decided.to && living && other) start_move(*other, move_kind::planned);
}

} // namespace lanrage::actors
