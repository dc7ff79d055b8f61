#include "actors/nat/server_votes.hpp"

#include <algorithm>
#include <set>

namespace lanrage::actors {

std::optional<net::endpoint> agreed_mapping(std::span<const stun_observation> seen) {
  std::set<net::ip_address> voters;
  for (const auto& each : seen)
    voters.insert(each.server.address);
  std::optional<net::endpoint> found;
  for (const auto& one : seen) {
    if (one.mapped.address.is_private() || one.mapped == found) continue;
    std::set<net::ip_address> agree;
    for (const auto& each : seen)
      if (each.mapped == one.mapped) agree.insert(each.server.address);
    if (agree.size() < 2 || agree.size() * 2 <= voters.size()) continue;
    if (found) return std::nullopt; // two ports of each address, and both pairs agree
    found = one.mapped;
  }
  return found;
}

std::vector<stun_observation> believed(std::span<const stun_observation> seen) {
  std::vector<stun_observation> out{seen.begin(), seen.end()};
  if (const auto agreed = agreed_mapping(seen))
    std::erase_if(out, [&](const auto& each) { return each.mapped != *agreed; });
  return out;
}

} // namespace lanrage::actors
