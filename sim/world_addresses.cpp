#include "sim/world.hpp"

#include <algorithm>
#include <array>

/// Which addresses machines and boxes get.
namespace lanrage::sim {

namespace {

constexpr std::uint32_t internet_net = 0xc6120000;  ///< 198.18.0.0/15 (RFC 2544: for benchmarks)
constexpr std::uint32_t carrier_net = 0x64400000;   ///< 100.64.0.0/10 (RFC 6598)
constexpr std::uint32_t private_net = 0xac100000;   ///< 172.16.0.0/12 (RFC 1918)
constexpr std::uint32_t private_realm_mask = 0xfff; ///< realms with a /24 of their own

/// Of 2001:db8::/32 (RFC 3849), each realm with a /64 of its own.
net::ip_address ipv6_address(realm_id in, std::uint32_t number) {
  std::array<std::uint8_t, 16> out{0x20, 0x01, 0x0d, 0xb8};
  for (std::size_t i = 0; i < 4; ++i) {
    out[4 + i] = static_cast<std::uint8_t>(in >> (24 - 8 * i));
    out[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
  return net::ip_address::v6(out);
}

} // namespace

net::ip_address world::new_address(realm_id in) {
  hosts_in_.resize(std::max<std::size_t>(hosts_in_.size(), in + 1));
  const auto number = ++hosts_in_[in];
  if (in == internet) return net::ip_address::v4(internet_net + number);
  return net::ip_address::v4(private_net + ((in & private_realm_mask) << 8) + number);
}

/// IPv4 first, as far as there is any.
std::vector<net::ip_address> world::new_addresses(realm_id in, families has) {
  std::vector<net::ip_address> out{new_address(in)};
  if (!has.ipv4) out.clear();
  if (has.ipv6) out.push_back(ipv6_address(in, hosts_in_[in]));
  return out;
}

/// Behind a carrier's box, customers' boxes have addresses of their own kind.
net::ip_address world::new_box_address(realm_id in) {
  const auto address = new_address(in);
  return in == internet ? address : net::ip_address::v4(carrier_net + hosts_in_[in]);
}

} // namespace lanrage::sim
