#include "actors/relay/relay_table.hpp"

#include <algorithm>

/// How a relay that did not see a session's handshake comes to know its indices.
namespace lanrage::actors {

namespace defaults = config::defaults;

namespace {
constexpr std::size_t learned_max = 1'024;
} // namespace

/// What other relays learnt of our sessions and this one does not list; first of all what is being
/// moved, since a registration holds a bounded number.
void relay_table::hand_over(relay_session& to) {
  std::set<net::session_index> there;
  for (const auto& route : to.listed())
    there.insert(route.index);
  std::vector<net::route_claim> claims;
  for (const auto& route : learned_)
    if (there.insert(route.index).second) claims.push_back(route);
  for (const auto& [id, relay] : relays_) {
    if (&relay == &to) continue;
    for (const auto& route : relay.learnt())
      if (there.insert(route.index).second) claims.push_back(route);
  }
  const auto moves = [&](const net::route_claim& claim) {
    return std::any_of(preparing_.begin(), preparing_.end(), [&](const auto& each) {
      return each.peer == claim.to && each.order.relay == to.info().id();
    });
  };
  std::stable_partition(claims.begin(), claims.end(), moves);
  to.claims(std::move(claims));
}

void relay_table::learn(const net::session_index& index, const net::member_hash& peer) {
  std::erase_if(learned_, [&](const auto& known) { return known.index == index; });
  learned_.push_front({index, peer});
  if (learned_.size() > learned_max) learned_.pop_back();
}

/// A packet of ours came to a relay that did not see its handshake. Another one did: tell it. None
/// did, and one session is on its way there: it is that one's.
void relay_table::claim_unknown(relay_session& from, time_point now, relay_effects& out) {
  const auto& own = from.info().id();
  const auto index = from.take_unknown_index();
  if (!from.listed().empty()) before_[own] = from.listed();
  if (!index) return;
  // A relay that was started anew without its memory knew it once.
  const auto known = before_.find(own);
  if (known != before_.end())
    for (const auto& route : known->second)
      if (route.index == *index) learn(route.index, route.to);
  for (const auto& route : learned_)
    if (route.index == *index) {
      from.claims({route});
      return from.renew(now, out);
    }
  for (const auto& [id, relay] : relays_)
    for (const auto& route : relay.listed())
      if (&relay != &from && route.index == *index) {
        from.claims({route});
        return from.renew(now, out);
      }
  forget_old_preparations(now);
  std::set<net::member_hash> moving;
  for (const auto& each : preparing_)
    if (each.order.moves && each.order.relay == own) moving.insert(each.peer);
  if (moving.size() != 1) return;
  learn(*index, *moving.begin());
  from.claims({{*index, *moving.begin()}});
  from.renew(now, out);
}

bool relay_table::prepare(const msg::prepare_relay& order, time_point now, relay_effects& out) {
  const auto target = relays_.find(order.relay);
  if (target == relays_.end() || !target->second.registered()) return false;
  const auto peer = net::hash_of(order.peer);
  std::erase_if(preparing_, [&](const auto& each) {
    return each.peer == peer && each.order.relay == order.relay;
  });
  preparation fresh{order, peer, now, {}, false, false};
  if (order.index) {
    learn(*order.index, peer);
  } else {
    const auto carries = [&](const auto& each) {
      const auto& routes = each.second.listed();
      return std::any_of(routes.begin(), routes.end(),
                         [&](const net::route_claim& route) { return route.to == peer; });
    };
    // A session that began a moment ago is on nobody's last list.
    const auto known = std::any_of(relays_.begin(), relays_.end(), carries);
    for (auto& each : relays_) {
      auto& [id, relay] = each;
      if (id == order.relay || !relay.registered() || relay.doubtful(now)) continue;
      if (known && !carries(each)) continue;
      relay.renew(now, out);
      fresh.asked.insert(id);
    }
  }
  preparing_.push_back(std::move(fresh));
  settle(now, out);
  return true;
}

void relay_table::forget_old_preparations(time_point now) {
  std::erase_if(preparing_, [&](const auto& each) {
    return now - each.since >= defaults::prepare_remembered || relays_.count(each.order.relay) == 0;
  });
}

void relay_table::advance_preparations(time_point now, relay_effects& out) {
  forget_old_preparations(now);
  for (auto& each : preparing_) {
    auto& target = relays_.at(each.order.relay);
    if (!each.claimed) {
      const bool waits = std::any_of(each.asked.begin(), each.asked.end(), [&](const auto& id) {
        const auto found = relays_.find(id);
        return found != relays_.end() && found->second.asking() && !found->second.doubtful(now);
      });
      if (waits) continue;
      each.claimed = true;
      hand_over(target);
      target.renew(now, out);
    }
    if (each.told || target.asking() || !target.registered()) continue;
    each.told = true;
    out.prepared.push_back(each.order);
  }
}

} // namespace lanrage::actors
