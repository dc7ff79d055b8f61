#include "net/stun.hpp"

namespace lanrage::net::stun {

namespace {

constexpr std::uint16_t type_request = 0x0001;
constexpr std::uint16_t type_success = 0x0101;

constexpr std::uint16_t mapped_address = 0x0001;
constexpr std::uint16_t username = 0x0006;
constexpr std::uint16_t message_integrity = 0x0008;
constexpr std::uint16_t message_integrity_sha256 = 0x001c;
constexpr std::uint16_t xor_mapped_address = 0x0020;
constexpr std::uint16_t first_optional = 0x8000;

constexpr std::uint8_t family_v4 = 0x01;
constexpr std::uint8_t family_v6 = 0x02;

byte_writer begin(std::uint16_t type, std::uint16_t length, const transaction_id& id) {
  byte_writer out;
  out.u16(type).u16(length).u32(magic_cookie).raw(id);
  return out;
}

/// The octets addresses are xored with: the cookie, then the transaction (RFC 8489 14.2).
std::array<std::uint8_t, 16> xor_pad(const transaction_id& id) {
  byte_writer pad;
  pad.u32(magic_cookie).raw(id);
  std::array<std::uint8_t, 16> out{};
  std::memcpy(out.data(), pad.view().data(), out.size());
  return out;
}

/// The value of MAPPED-ADDRESS, or of its xored form when a pad is given.
std::optional<endpoint> read_address(byte_view value, const std::array<std::uint8_t, 16>& pad) {
  byte_reader in{value};
  in.u8(); // to be ignored (RFC 8489 14.1)
  const auto family = in.u8();
  const auto port = static_cast<std::uint16_t>(in.u16() ^ ((pad[0] << 8) | pad[1]));
  std::array<std::uint8_t, 16> octets{};
  const std::size_t size = family == family_v4 ? 4 : family == family_v6 ? 16 : 0;
  if (size == 0 || in.left() != size) return std::nullopt;
  for (std::size_t i = 0; i < size; ++i)
    octets[i] = static_cast<std::uint8_t>(in.u8() ^ pad[i]);
  if (!in.done()) return std::nullopt;
  if (family == family_v6) return endpoint{ip_address::v6(octets), port};
  byte_reader four{byte_view{octets}.first(4)};
  return endpoint{ip_address::v4(four.u32()), port};
}

struct addresses {
  std::optional<endpoint> plain;
  std::optional<endpoint> xored;
};

/// Walks the attributes after the header. Authentication attributes are known and skipped; what
/// follows an integrity attribute does not count (RFC 8489 14.5).
std::optional<addresses> read_attributes(byte_reader& in, const transaction_id& id) {
  addresses out;
  bool sealed = false;
  while (in.ok() && in.left() > 0) {
    const auto type = in.u16();
    const auto length = in.u16();
    const auto value = in.take(length);
    in.take((4 - length % 4) % 4);
    if (!in.ok()) return std::nullopt;
    if (sealed || type >= first_optional || type == username) continue;
    switch (type) {
    case message_integrity:
    case message_integrity_sha256:
      sealed = true;
      break;
    case mapped_address:
      if (out.plain) break; // only the first occurrence counts (RFC 8489 14)
      if (!(out.plain = read_address(value, {}))) return std::nullopt;
      break;
    case xor_mapped_address:
      if (out.xored) break;
      if (!(out.xored = read_address(value, xor_pad(id)))) return std::nullopt;
      break;
    default:
      return std::nullopt;
    }
  }
  return out;
}

struct message {
  transaction_id id{};
  addresses found;
};

std::optional<message> parse(byte_view datagram, std::uint16_t wanted) {
  byte_reader in{datagram};
  const auto type = in.u16();
  const auto length = in.u16();
  const auto cookie = in.u32();
  message out;
  out.id = in.array<12>();
  if (!in.ok() || type != wanted || cookie != magic_cookie) return std::nullopt;
  if (length % 4 != 0 || in.left() != length) return std::nullopt;
  const auto found = read_attributes(in, out.id);
  if (!found) return std::nullopt;
  out.found = *found;
  return out;
}

} // namespace

bytes binding_request(const transaction_id& id) {
  return begin(type_request, 0, id).take();
}

bytes binding_success(const transaction_id& id, const endpoint& mapped) {
  const bool four = mapped.address.is_v4();
  const std::uint16_t size = four ? 8 : 20;
  auto out = begin(type_success, static_cast<std::uint16_t>(4 + size), id);
  const auto pad = xor_pad(id);
  out.u16(xor_mapped_address).u16(size).u8(0).u8(four ? family_v4 : family_v6);
  out.u16(static_cast<std::uint16_t>(mapped.port ^ ((pad[0] << 8) | pad[1])));
  const auto octets = byte_view{mapped.address.octets()}.last(four ? 4 : 16);
  for (std::size_t i = 0; i < octets.size(); ++i)
    out.u8(static_cast<std::uint8_t>(octets[i] ^ pad[i]));
  return out.take();
}

std::optional<request> parse_request(byte_view datagram) {
  const auto read = parse(datagram, type_request);
  if (!read) return std::nullopt;
  return request{read->id};
}

std::optional<response> parse_response(byte_view datagram) {
  const auto read = parse(datagram, type_success);
  if (!read) return std::nullopt;
  const auto& mapped = read->found.xored ? read->found.xored : read->found.plain;
  if (!mapped || !mapped->valid()) return std::nullopt;
  return response{read->id, *mapped};
}

} // namespace lanrage::net::stun
