#include "actors/directory/directory_core.hpp"

#include <algorithm>

/// What lets us register with relays: one token per party and relay.
namespace lanrage::actors {

void directory_core::use_tokens(const std::vector<net::bytes>& tokens, time at) {
  for (const auto& token : tokens) {
    const auto read = net::read_token(token);
    if (read && read->member == own_) tokens_[{read->party, read->relay}] = token;
  }
  drop_old_tokens(at);
}

void directory_core::drop_old_tokens(time at) {
  const auto now_s = static_cast<std::uint64_t>(at.wall.count() / 1000);
  std::erase_if(tokens_, [&](const auto& each) {
    const auto member_of = each.first.first;
    const auto relay = each.first.second;
    const auto listed = std::any_of(relays_.begin(), relays_.end(),
                                    [&](const auto& info) { return info.id() == relay; });
    return !listed || !parties_.contains(member_of) ||
           net::read_token(each.second)->expires_unix_s <= now_s;
  });
}

std::vector<net::bytes> directory_core::token_list() const {
  std::vector<net::bytes> out;
  for (const auto& [key, token] : tokens_)
    out.push_back(token);
  return out;
}

} // namespace lanrage::actors
