#include "net/relay/route_table.hpp"

#include <algorithm>

namespace lanrage::net::relay {

route_table::place route_table::at(const session_index& index) {
  return std::lower_bound(routes_.begin(), routes_.end(), index,
                          [](const route& r, const session_index& i) { return r.index < i; });
}

route* route_table::find(const session_index& index, steady_time now, std::chrono::seconds idle) {
  const auto found = at(index);
  if (found == routes_.end() || found->index != index) return nullptr;
  return now - found->used < idle ? &*found : nullptr;
}

route_table::outcome route_table::learn(const session_index& index, const member_hash& to,
                                        slot hint, steady_time now, const relay_limits& limits,
                                        bool room) {
  if (const auto known = at(index); known != routes_.end() && known->index == index) {
    const bool live = now - known->used < limits.route_idle;
    if (known->to != to && known->proven && live) return outcome::refused;
    known->proven = known->proven && known->to == to;
    known->to = to;
    known->hint = hint;
    known->used = now;
    return outcome::refreshed;
  }
  const bool replaced = give_up_oldest(to, limits.provisional_per_peer);
  if (!replaced && (!room || routes_.size() >= limits.routes_per_member)) return outcome::refused;
  routes_.insert(at(index), {index, to, false, hint, now});
  return replaced ? outcome::refreshed : outcome::added;
}

route_table::outcome route_table::claim(const route_claim& said, steady_time now,
                                        const relay_limits& limits, bool room) {
  const auto known = at(said.index);
  if (known != routes_.end() && known->index == said.index) {
    // Saying it again is no traffic: two relays whose routes a member hands to each other would
    // otherwise keep dead sessions for ever.
    const bool live = known->to == said.to && now - known->used < limits.route_idle;
    if (live)
      known->proven = true;
    else
      *known = {said.index, said.to, true, no_slot, now};
    return outcome::refreshed;
  }
  if (!room || routes_.size() >= limits.routes_per_member) return outcome::refused;
  routes_.insert(known, {said.index, said.to, true, no_slot, now});
  return outcome::added;
}

void route_table::restore(const route& saved) {
  const auto known = at(saved.index);
  if (known == routes_.end() || known->index != saved.index) routes_.insert(known, saved);
}

std::size_t route_table::expire(steady_time now, std::chrono::seconds idle) {
  return std::erase_if(routes_, [&](const route& r) { return now - r.used >= idle; });
}

std::vector<route_claim> route_table::recent(std::size_t count) const {
  std::vector<const route*> order;
  order.reserve(routes_.size());
  for (const auto& r : routes_)
    order.push_back(&r);
  if (order.size() > count) {
    std::stable_sort(order.begin(), order.end(),
                     [](const route* a, const route* b) { return a->used > b->used; });
    order.resize(count);
    std::sort(order.begin(), order.end(),
              [](const route* a, const route* b) { return a->index < b->index; });
  }
  std::vector<route_claim> out;
  out.reserve(order.size());
  for (const auto* r : order)
    out.push_back({r->index, r->to});
  return out;
}

/// Makes room among the unproven routes to one member; true when one went.
bool route_table::give_up_oldest(const member_hash& to, std::size_t allowed) {
  std::size_t count = 0;
  auto oldest = routes_.end();
  for (auto r = routes_.begin(); r != routes_.end(); ++r) {
    if (r->proven || r->to != to) continue;
    ++count;
    if (oldest == routes_.end() || r->used < oldest->used) oldest = r;
  }
  if (count < allowed || oldest == routes_.end()) return false;
  routes_.erase(oldest);
  return true;
}

} // namespace lanrage::net::relay
