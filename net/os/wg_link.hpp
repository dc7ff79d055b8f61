#pragma once

#include "net/errc.hpp"
#include "net/ids.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// A network interface's own properties, by name, in the caller's network namespace.
/// Errors: not_permitted, wg_unavailable when the interface is gone, wg_refused.
namespace lanrage::net::os {

/// 1 to 15 octets of a-z A-Z 0-9 . _ - and neither "." nor "..": also safe as a file name.
bool valid_interface_name(const std::string& name);
bool link_exists(const std::string& name);
/// Sets the MTU and brings the link up, where they differ.
result<void> bring_up(const std::string& name, int mtu);
/// The link's IPv4 addresses inside 10.66.0.0/16.
std::vector<virtual_ip> virtual_ips(const std::string& name);
/// Makes `address`/16 the link's only address inside 10.66.0.0/16; not leased: there is none then.
result<void> use_virtual_ip(const std::string& name, const virtual_ip& address);

/// Whether any UDP socket of this network namespace has this port.
bool udp_port_taken(std::uint16_t port);
/// Waits until a socket has the port; false at the deadline.
bool await_udp_port(std::uint16_t port, std::chrono::milliseconds deadline);

} // namespace lanrage::net::os
