#pragma once

#include "lab/netns.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lanrage::lab {

/// How a NAT maps and filters UDP (RFC 4787 words: endpoint-independent EI, address-dependent AD,
/// address and port-dependent APD).
enum class nat_type {
  open,                       ///< no NAT: the host has a public address, routed
  full_cone,                  ///< EI mapping, EI filtering
  address_restricted,         ///< EI mapping, AD filtering
  port_restricted,            ///< EI mapping, APD filtering
  port_restricted_preserving, ///< the same, and the public port is the private one
  masquerade, ///< a plain Linux router: as port-restricted-preserving while ports are free
  symmetric,  ///< APD mapping to random ports, APD filtering
  symmetric_sequential, ///< APD mapping to ports counted upwards, APD filtering
  symmetric_address,    ///< AD mapping, APD filtering
  symmetric_unfiltered, ///< APD mapping to random ports, EI filtering
  udp_blocked,          ///< no UDP but DNS passes in either direction; TCP does
};

/// "port-restricted" and so on; the words of the demo's output.
std::string_view to_string(nat_type type);
std::optional<nat_type> nat_type_from(std::string_view word);
std::span<const nat_type> all_nat_types();

/// What the box does with packets from outside that nobody asked for.
enum class unsolicited {
  drop,
  /// Answers, as a router without a firewall does. Such a packet also takes the public port away
  /// from the host it meant, until it is forgotten. Only masquerade can do this.
  reject,
};

struct nat_settings {
  nat_type type = nat_type::port_restricted;
  bool hairpin = false; ///< hosts behind it reach each other by public address; not masquerade
  std::chrono::seconds udp_timeout{30}; ///< of a binding never answered (RFC 4787: >= 120)
  std::chrono::seconds udp_answered_timeout{120}; ///< of one that was
  unsolicited wan = unsolicited::drop;
  /// masquerade: each host has a range of ports of its own, in which its own ports are not, as
  /// behind a carrier's NAT. Otherwise a host keeps its port.
  bool port_range = false;
  bool ipv6_open = false;      ///< forwards unsolicited IPv6 to the hosts
  std::uint32_t seed = 0x5eed; ///< of the mapping: another seed gives other public ports
};

/// Interface towards the hosts and towards the public side, inside the box.
inline constexpr const char* lan_interface = "lan";
inline constexpr const char* wan_interface = "wan";

/// The nft rule set of a box with this public IPv4 address; pure.
std::string nat_ruleset(const nat_settings& settings, const std::string& public_address);

/// Puts the settings in force and forgets all bindings. No UDP packet passes meanwhile: a flow
/// still tracked would teach its old mapping to the new rules.
void apply_nat(const netns& box, const nat_settings& settings, const std::string& public_address);

} // namespace lanrage::lab
