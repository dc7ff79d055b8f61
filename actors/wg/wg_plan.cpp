#include "actors/wg/wg_plan.hpp"

#include "net/wg/commands.hpp"
#include "net/wg/dump.hpp"

namespace lanrage::actors {

using net::wg::change;
using net::wg::change_kind;

std::optional<change> difference(const net::wg_public_key& key, const desired_peer& desired,
                                 const net::wg::peer_state* now) {
  const bool located = desired.where || (now && now->where);
  const auto keepalive = located ? desired.keepalive : std::chrono::seconds{};
  if (!now) return change{change_kind::put, key, desired.address, desired.where, keepalive};

  const bool moves = desired.where && now->where != desired.where &&
                     (!now->where || desired.rule == endpoint_rule::pinned);
  const auto where = moves ? desired.where : std::nullopt;
  const bool same = now->keepalive == keepalive && now->allowed_ips.size() == 1 &&
                    now->allowed_ips.front() == net::wg::allowed_ip(desired.address);
  if (!same) return change{change_kind::put, key, desired.address, where, keepalive};
  if (moves) return change{change_kind::endpoint, key, {}, where, {}};
  return std::nullopt;
}

std::vector<change> plan(const std::map<net::wg_public_key, desired_peer>& desired,
                         const std::set<net::wg_public_key>& unwanted,
                         const net::wg::observation& seen) {
  std::vector<change> changes;
  for (const auto& key : unwanted)
    if (net::wg::find_peer(seen, key)) changes.push_back({change_kind::remove, key, {}, {}, {}});
  for (const auto& [key, peer] : desired)
    if (auto step = difference(key, peer, net::wg::find_peer(seen, key)))
      changes.push_back(std::move(*step));
  return changes;
}

} // namespace lanrage::actors
