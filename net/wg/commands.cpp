#include "net/wg/commands.hpp"

#include "net/wg/dump.hpp"

#include <set>

namespace lanrage::net::wg {

namespace {

/// What a word costs in the argument block: its octets, its zero, its pointer.
std::size_t cost(const arguments& words) {
  std::size_t sum = 0;
  for (const auto& word : words)
    sum += word.size() + 1 + sizeof(char*);
  return sum;
}

/// The words of one change; none where WireGuard already is as wanted. `now` is the peer as it
/// stands before this change, nullptr when it is not there.
arguments words_of(const change& step, const peer_state* now) {
  arguments words{"peer", to_string(step.key)};
  switch (step.kind) {
  case change_kind::remove:
    if (!now) return {};
    words.emplace_back("remove");
    return words;
  case change_kind::endpoint:
    // `wg` has no update-only: naming a peer that is gone would make it.
    if (!now || !step.where || now->where == step.where) return {};
    words.insert(words.end(), {"endpoint", to_string(*step.where)});
    return words;
  case change_kind::put:
    break;
  }
  const auto address = allowed_ip(step.address);
  if (!now || now->allowed_ips != std::vector<std::string>{address})
    words.insert(words.end(), {"allowed-ips", address});
  if (step.where && (!now || now->where != step.where))
    words.insert(words.end(), {"endpoint", to_string(*step.where)});
  if (step.keepalive != (now ? now->keepalive : std::chrono::seconds{}))
    words.insert(words.end(), {"persistent-keepalive", std::to_string(step.keepalive.count())});
  return words.size() == 2 ? arguments{} : words;
}

} // namespace

std::string allowed_ip(const virtual_ip& address) {
  return to_string(address) + "/32";
}

std::vector<arguments> wg_set_calls(std::string_view interface, const std::vector<change>& changes,
                                    const observation& seen, std::size_t octets_max) {
  const arguments head{"wg", "set", std::string{interface}};
  std::vector<arguments> calls;
  std::set<wg_public_key> touched; // what `seen` says of these no longer holds
  std::set<wg_public_key> removed;
  std::size_t used = 0;
  for (const auto& step : changes) {
    const auto* now = removed.count(step.key) ? nullptr : find_peer(seen, step.key);
    peer_state unknown; // there, but with values to be written whatever they are
    unknown.key = step.key;
    unknown.keepalive = std::chrono::seconds{-1};
    if (touched.count(step.key) && !removed.count(step.key)) now = &unknown;
    auto words = words_of(step, now);
    touched.insert(step.key);
    if (step.kind == change_kind::remove) removed.insert(step.key);
    if (step.kind == change_kind::put) removed.erase(step.key);
    if (words.empty()) continue;
    const auto octets = cost(words);
    if (calls.empty() || used + octets > octets_max) {
      calls.push_back(head);
      used = cost(head);
    }
    used += octets;
    calls.back().insert(calls.back().end(), std::make_move_iterator(words.begin()),
                        std::make_move_iterator(words.end()));
  }
  return calls;
}

} // namespace lanrage::net::wg
