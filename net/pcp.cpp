#include "net/pcp.hpp"

namespace lanrage::net::pcp {

namespace {

constexpr std::uint8_t version = 2;
constexpr std::uint8_t op_map = 1;
constexpr std::uint8_t response_bit = 0x80;
constexpr std::uint8_t udp = 17;

byte_writer& write_address(byte_writer& out, const ip_address& address) {
  // RFC 6887 5: always 128 bits, IPv4 as ::ffff:a.b.c.d, which is how an ip_address is kept.
  return out.raw(byte_view{address.octets()});
}

} // namespace

bytes encode(const map_request& request) {
  byte_writer out;
  out.u8(version).u8(op_map).u16(0).u32(static_cast<std::uint32_t>(request.lifetime.count()));
  write_address(out, request.client);
  out.raw(request.id).u8(udp).zeros(3).u16(request.internal_port).u16(request.suggested_port);
  // Any address of the same family will do: all zeros, for IPv4 in its mapped form.
  write_address(out, request.client.is_v4() ? ip_address::v4(0) : ip_address{});
  return out.take();
}

std::optional<map_response> decode(byte_view datagram) {
  byte_reader in{datagram};
  map_response out;
  const auto said_version = in.u8();
  const auto operation = in.u8();
  in.u8();
  out.result = in.u8();
  out.lifetime = std::chrono::seconds{in.u32()};
  in.u32(); // epoch: we renew often enough to notice a router that forgot
  in.take(12);
  out.id = in.array<12>();
  const auto protocol = in.u8();
  in.take(3);
  out.internal_port = in.u16();
  const auto port = in.u16();
  out.outside = {ip_address::v6(in.array<16>()), port};
  if (!in.ok() || said_version != version || operation != (op_map | response_bit) ||
      protocol != udp)
    return std::nullopt;
  if (out.result == 0 && !out.outside.valid()) return std::nullopt;
  return out;
}

} // namespace lanrage::net::pcp
