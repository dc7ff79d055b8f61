#pragma once

#include "net/endpoint.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What WireGuard says of itself and what we ask of it: values shared by the tools' codecs, the
/// writer and the simulation's fake.
namespace lanrage::net::wg {

/// One peer as WireGuard reports it. Counters are octets since the peer was added; they move only
/// on authenticated packets.
struct peer_state {
  wg_public_key key;
  std::optional<endpoint> where;
  std::vector<std::string> allowed_ips;                     ///< "10.66.0.42/32"
  std::optional<std::chrono::nanoseconds> latest_handshake; ///< since 1970; none: never
  std::uint64_t rx = 0;
  std::uint64_t tx = 0;
  std::chrono::seconds keepalive{}; ///< zero: off
};

/// One interface, its peers ordered by key. The private key is never kept.
struct observation {
  wg_public_key own;
  std::uint16_t listen_port = 0;
  std::uint32_t fwmark = 0;
  std::vector<peer_state> peers;
};

enum class change_kind : std::uint8_t {
  put,      ///< add the peer or bring it to exactly these values, session kept
  endpoint, ///< only move an existing peer's endpoint
  remove,
};

/// One step of a plan. `put` without endpoint leaves WireGuard's endpoint as it is.
struct change {
  change_kind kind{};
  wg_public_key key;
  virtual_ip address;            ///< put: the one allowed IP, /32
  std::optional<endpoint> where; ///< put: optional; endpoint: required
  std::chrono::seconds keepalive{};
  friend bool operator==(const change&, const change&) = default;
};

} // namespace lanrage::net::wg
