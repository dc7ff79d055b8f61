#include "net/stun.hpp"

namespace lanrage::net::stun {

namespace {

constexpr std::uint16_t type_request = 0x0001;
constexpr std::uint16_t type_success = 0x0101;

constexpr std::uint16_t mapped_address = 0x0001;
constexpr std::uint16_t change_request = 0x0003;
constexpr std::uint16_t username = 0x0006;
constexpr std::uint16_t message_integrity = 0x0008;
constexpr std::uint16_t message_integrity_sha256 = 0x001c;
constexpr std::uint16_t xor_mapped_address = 0x0020;
constexpr std::uint16_t padding = 0x0026;
constexpr std::uint16_t response_port = 0x0027;
constexpr std::uint16_t first_optional = 0x8000;
constexpr std::uint16_t fingerprint = 0x8028;
constexpr std::uint16_t response_origin = 0x802b;
constexpr std::uint16_t other_address = 0x802c;

constexpr std::uint32_t change_address_flag = 0x4;
constexpr std::uint32_t change_port_flag = 0x2;

constexpr std::uint16_t sha1_octets = 20;

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

void write_address(byte_writer& out, std::uint16_t type, const endpoint& what,
                   const std::array<std::uint8_t, 16>& pad) {
  const bool four = what.address.is_v4();
  const std::size_t size = four ? 4 : 16;
  out.u16(type).u16(static_cast<std::uint16_t>(4 + size)).u8(0).u8(four ? family_v4 : family_v6);
  out.u16(static_cast<std::uint16_t>(what.port ^ ((pad[0] << 8) | pad[1])));
  const auto octets = byte_view{what.address.octets()}.last(size);
  for (std::size_t i = 0; i < size; ++i)
    out.u8(static_cast<std::uint8_t>(octets[i] ^ pad[i]));
}

struct attributes {
  std::optional<endpoint> plain;
  std::optional<endpoint> xored;
  std::optional<endpoint> other;
  wishes wanted;
};

bool read_change(byte_view value, wishes& into) {
  byte_reader in{value};
  const auto flags = in.u32();
  into.change_address = (flags & change_address_flag) != 0;
  into.change_port = (flags & change_port_flag) != 0;
  return in.done();
}

bool read_response_port(byte_view value, wishes& into) {
  byte_reader in{value};
  into.response_port = in.u16();
  if (in.left() == 2) in.u16(); // RFC 5780 7.5 is read both ways: with and without its padding
  return in.done() && into.response_port != 0;
}

/// Takes one attribute. False: malformed, or one that must be understood and is not.
bool read_attribute(std::uint16_t type, byte_view value, const transaction_id& id,
                    attributes& into) {
  const auto first = [&](std::optional<endpoint>& known, const std::array<std::uint8_t, 16>& pad) {
    if (known) return true; // only the first occurrence counts (RFC 8489 14)
    known = read_address(value, pad);
    return known.has_value();
  };
  switch (type) {
  case mapped_address:
    return first(into.plain, {});
  case xor_mapped_address:
    return first(into.xored, xor_pad(id));
  case other_address:
    if (!into.other) into.other = read_address(value, {}); // optional: what is odd is nothing
    return true;
  case change_request:
    return read_change(value, into.wanted);
  case response_port:
    return read_response_port(value, into.wanted);
  case padding:
  case username:
    return true;
  default:
    return type >= first_optional;
  }
}

/// ISO 3309, as Ethernet's and zip's.
std::uint32_t crc32(byte_view data) {
  std::uint32_t crc = 0xffffffff;
  for (const auto octet : data) {
    crc ^= octet;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

/// FINGERPRINT comes last and is over all before it, the length of the whole in the header
/// (RFC 8489 14.7).
bool fingerprint_holds(byte_view value, byte_view whole) {
  constexpr std::size_t itself = 8;
  constexpr std::uint32_t mask = 0x5354554e;
  byte_reader in{value};
  const auto said = in.u32();
  return in.done() && said == (crc32(whole.first(whole.size() - itself)) ^ mask);
}

/// Walks the attributes after the header. Authentication attributes are known and skipped; what
/// follows an integrity attribute does not count (RFC 8489 14.5), but for a fingerprint, which has
/// to be right where there is one.
std::optional<attributes> read_attributes(byte_reader& in, const transaction_id& id,
                                          byte_view whole) {
  attributes out;
  bool sealed = false;
  while (in.ok() && in.left() > 0) {
    const auto type = in.u16();
    const auto length = in.u16();
    const auto value = in.take(length);
    in.take((4 - length % 4) % 4);
    if (!in.ok()) return std::nullopt;
    if (type == message_integrity && length != sha1_octets) return std::nullopt;
    if (type == message_integrity || type == message_integrity_sha256)
      sealed = true;
    else if (type == fingerprint && (in.left() > 0 || !fingerprint_holds(value, whole)))
      return std::nullopt;
    else if (!sealed && !read_attribute(type, value, id, out))
      return std::nullopt;
  }
  return out;
}

struct message {
  transaction_id id{};
  attributes found;
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
  const auto found = read_attributes(in, out.id, datagram);
  if (!found) return std::nullopt;
  out.found = *found;
  return out;
}

} // namespace

bytes binding_request(const transaction_id& id, const wishes& wanted) {
  byte_writer body;
  if (wanted.change_address || wanted.change_port)
    body.u16(change_request)
        .u16(4)
        .u32((wanted.change_address ? change_address_flag : 0) |
             (wanted.change_port ? change_port_flag : 0));
  if (wanted.response_port != 0) body.u16(response_port).u16(4).u16(wanted.response_port).u16(0);
  const auto octets = body.take();
  auto out = begin(type_request, static_cast<std::uint16_t>(octets.size()), id);
  return out.raw(octets).take();
}

bytes binding_success(const transaction_id& id, const endpoint& mapped,
                      const std::optional<server_addresses>& server) {
  byte_writer body;
  write_address(body, xor_mapped_address, mapped, xor_pad(id));
  if (server) {
    write_address(body, response_origin, server->origin, {});
    write_address(body, other_address, server->other, {});
  }
  const auto octets = body.take();
  auto out = begin(type_success, static_cast<std::uint16_t>(octets.size()), id);
  return out.raw(octets).take();
}

std::optional<request> parse_request(byte_view datagram) {
  const auto read = parse(datagram, type_request);
  if (!read) return std::nullopt;
  return request{read->id, read->found.wanted};
}

std::optional<response> parse_response(byte_view datagram) {
  const auto read = parse(datagram, type_success);
  if (!read) return std::nullopt;
  const auto& mapped = read->found.xored ? read->found.xored : read->found.plain;
  if (!mapped || !mapped->valid()) return std::nullopt;
  auto other = read->found.other;
  if (other && !other->valid()) other.reset();
  return response{read->id, *mapped, other};
}

} // namespace lanrage::net::stun
