#include "net/os/socket_address.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace lanrage::net::os {

socket_address to_socket_address(const endpoint& where) {
  socket_address out;
  if (where.address.is_v4()) {
    auto& four = *reinterpret_cast<sockaddr_in*>(&out.storage);
    four.sin_family = AF_INET;
    four.sin_addr = to_in(where.address);
    four.sin_port = htons(where.port);
    out.size = sizeof four;
  } else {
    auto& six = *reinterpret_cast<sockaddr_in6*>(&out.storage);
    six.sin6_family = AF_INET6;
    std::memcpy(&six.sin6_addr, where.address.octets().data(), 16);
    six.sin6_port = htons(where.port);
    out.size = sizeof six;
  }
  return out;
}

std::optional<endpoint> from_socket_address(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    const auto& four = *reinterpret_cast<const sockaddr_in*>(address);
    return endpoint{from_in(four.sin_addr), ntohs(four.sin_port)};
  }
  if (address->sa_family == AF_INET6) {
    const auto& six = *reinterpret_cast<const sockaddr_in6*>(address);
    return endpoint{from_in6(six.sin6_addr), ntohs(six.sin6_port)};
  }
  return std::nullopt;
}

ip_address from_in(const in_addr& address) {
  return ip_address::v4(ntohl(address.s_addr));
}

ip_address from_in6(const in6_addr& address) {
  std::array<std::uint8_t, 16> octets{};
  std::memcpy(octets.data(), &address, octets.size());
  return ip_address::v6(octets);
}

in_addr to_in(const ip_address& address) {
  return {htonl(address.to_v4())};
}

} // namespace lanrage::net::os
