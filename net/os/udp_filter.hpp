#pragma once

#include "net/errc.hpp"

#include <linux/filter.h>

#include <cstdint>
#include <vector>

namespace lanrage::net::os {

/// Ports from `first` on; `count` 0: none.
struct port_range {
  std::uint16_t first = 0;
  std::uint16_t count = 0;
};

enum class ip_family : std::uint8_t { v4, v6 };

/// A classic BPF program for a raw UDP socket: lets through datagrams to `port` whose payload
/// starts with our magic, or with a STUN Binding type and STUN's cookie. No WireGuard packet can
/// pass it: its first octet is 1 to 4 and the next three are zero. IPv4 raw sockets show the IP
/// header (options included) to the filter, IPv6 ones start at the UDP header.
/// With `spare` also datagrams to the spare ports that measure the NAT.
std::vector<sock_filter> udp_filter(std::uint16_t port, ip_family family, port_range spare = {});

/// Attaches a program to a socket.
result<void> attach_filter(int socket, std::vector<sock_filter> program);

} // namespace lanrage::net::os
