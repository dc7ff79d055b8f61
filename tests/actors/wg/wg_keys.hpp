#pragma once

#include "net/endpoint.hpp"
#include "net/ids.hpp"
#include "net/wg/commands.hpp"
#include "net/wg/dump.hpp"
#include "net/wg/state.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

/// Short names for keys and addresses, and a WireGuard in memory, for the writer's tests.
namespace lanrage::test {

inline net::wg_public_key wg_key(std::uint32_t number) {
  net::wg_public_key key;
  for (std::size_t i = 0; i < 4; ++i)
    key.octets[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return key;
}

inline net::virtual_ip address_of(std::uint32_t number) {
  return *net::virtual_ip::parse("10.66." + std::to_string(number / 250) + "." +
                                 std::to_string(2 + number % 250));
}

inline net::endpoint at(const char* text) {
  return *net::endpoint::parse(text);
}

/// Applies changes as WireGuard does, and roams, loses writes and dies as told.
struct fake_wireguard {
  net::wg::observation now;
  bool gone = false;
  bool deaf = false;                 ///< says yes and changes nothing
  std::vector<std::uint32_t> poison; ///< refuses a call that names one of these
  std::vector<std::vector<net::wg::change>> calls;

  net::wg::peer_state* find(const net::wg_public_key& key) {
    return const_cast<net::wg::peer_state*>(net::wg::find_peer(now, key));
  }
  net::wg::peer_state& peer(std::uint32_t number) { return *find(wg_key(number)); }
  bool has(std::uint32_t number) { return find(wg_key(number)) != nullptr; }

  void remove(const net::wg_public_key& key) {
    std::erase_if(now.peers, [&](const auto& one) { return one.key == key; });
  }

  void apply_one(const net::wg::change& step) {
    auto* one = find(step.key);
    if (step.kind == net::wg::change_kind::remove) return remove(step.key);
    if (!one && step.kind == net::wg::change_kind::endpoint) return;
    if (!one) {
      now.peers.push_back({step.key, {}, {}, {}, 0, 0, {}});
      net::wg::order_peers(now);
      one = find(step.key);
    }
    if (step.where) one->where = step.where;
    if (step.kind == net::wg::change_kind::endpoint) return;
    one->allowed_ips = {net::wg::allowed_ip(step.address)};
    one->keepalive = step.keepalive;
  }

  /// False: refused, with the changes before the poisoned one made.
  bool apply(const std::vector<net::wg::change>& changes) {
    calls.push_back(changes);
    for (const auto& step : changes) {
      for (const auto number : poison)
        if (step.key == wg_key(number)) return false;
      if (!deaf) apply_one(step);
    }
    return true;
  }
};

} // namespace lanrage::test
