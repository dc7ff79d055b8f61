#pragma once

#include "net/endpoint.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

namespace lanrage::net::os {

/// An address as the socket calls want it. IPv4 endpoints become AF_INET, the rest AF_INET6.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

socket_address to_socket_address(const endpoint& where);
/// Nothing for families other than IPv4 and IPv6.
std::optional<endpoint> from_socket_address(const sockaddr* address);

ip_address from_in(const in_addr& address);
ip_address from_in6(const in6_addr& address);
in_addr to_in(const ip_address& address); ///< only for is_v4()

} // namespace lanrage::net::os
