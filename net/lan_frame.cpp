#include "net/lan_frame.hpp"

#include "net/frames.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::net {

namespace {

constexpr std::uint8_t announcement_kind = 0x20;
constexpr std::uint8_t letter_kind = 0x21;
constexpr std::string_view signature_label = "lanrage lan v1";

constexpr std::size_t header_octets = 8;
constexpr std::size_t tag_octets = 8;
constexpr std::size_t seal_nonce_octets = 12;
constexpr std::size_t sealed_at = header_octets + tag_octets;
constexpr std::size_t overhead = sealed_at + seal_nonce_octets + mac16::size;
constexpr std::size_t echo_octets = 32;
constexpr std::size_t body_octets = 32 + 32 + 8 + 8 + 8 + 8 + 8 + lan_echoes_max * echo_octets;
constexpr std::size_t letter_head_octets = 8 + 8 + 8 + 8;
static_assert(overhead + body_octets + signature::size <= lan_frame_max);
static_assert(overhead + letter_head_octets + lan_part_octets <= lan_frame_max);

constexpr std::uint8_t flag_near = 0x01;

const auto malformed = fail(errc::bad_frame);

bytes header_of(std::uint8_t kind) {
  byte_writer out;
  return out.u32(frame_magic).u8(kind).zeros(3).take();
}

bytes tag_of(byte_view seal_nonce, const lan_keys& keys) {
  const auto mac = blake2s_mac(keys.tag.reveal(), {seal_nonce});
  return {mac.octets.begin(), mac.octets.begin() + tag_octets};
}

bytes finish(std::uint8_t kind, byte_view plain, const lan_keys& keys,
             const random_source& random) {
  const auto header = header_of(kind);
  const auto sealed = seal(keys.seal, header, plain, random);
  byte_writer out;
  out.raw(header).raw(tag_of(byte_view{sealed}.first(seal_nonce_octets), keys)).raw(sealed);
  return out.take();
}

bool all_zero(byte_view octets) {
  return std::all_of(octets.begin(), octets.end(), [](auto o) { return o == 0; });
}

template <class Opaque>
Opaque read(byte_reader& in) {
  return Opaque{in.array<Opaque::size>()};
}

bytes body_of(const lan_announcement& frame) {
  byte_writer out;
  out.raw(frame.from.view()).raw(frame.sign_key.view()).u64(frame.counter);
  out.u64(frame.time_unix_ms).raw(frame.nonce.view()).u64(frame.version);
  out.u8(static_cast<std::uint8_t>(frame.echoes.size())).zeros(7);
  for (const auto& echo : frame.echoes) {
    out.raw(echo.to.view()).raw(echo.nonce.view()).u64(echo.version);
    out.u8(echo.near ? flag_near : 0).zeros(7);
  }
  // Always as long, so that its length does not tell how many members are here.
  out.zeros((lan_echoes_max - frame.echoes.size()) * echo_octets);
  return out.take();
}

bytes signed_octets(byte_view body, const party_id& party) {
  byte_writer out;
  return out.raw(as_bytes(signature_label)).raw(party.view()).raw(body).take();
}

result<lan_announcement> read_announcement(byte_view plain) {
  if (plain.size() != body_octets + signature::size) return malformed;
  byte_reader in{plain};
  lan_announcement out;
  out.from = read<wg_public_key>(in);
  out.sign_key = read<sign_public_key>(in);
  out.counter = in.u64();
  out.time_unix_ms = in.u64();
  out.nonce = read<lan_nonce>(in);
  out.version = in.u64();
  const std::size_t count = in.u8();
  if (count > lan_echoes_max || !all_zero(in.take(7))) return malformed;
  for (std::size_t i = 0; i < count; ++i) {
    lan_echo echo;
    echo.to = read<member_hash>(in);
    echo.nonce = read<lan_nonce>(in);
    echo.version = in.u64();
    const auto flags = in.u8();
    if ((flags & ~flag_near) != 0 || !all_zero(in.take(7))) return malformed;
    echo.near = flags != 0;
    out.echoes.push_back(echo);
  }
  if (!all_zero(in.take((lan_echoes_max - count) * echo_octets))) return malformed;
  out.sig = read<signature>(in);
  if (!in.done()) return malformed;
  return out;
}

result<lan_letter> read_letter(byte_view plain) {
  byte_reader in{plain};
  lan_letter out;
  out.from = read<member_hash>(in);
  out.to = read<member_hash>(in);
  out.id = in.u64();
  const auto kind = in.u8();
  out.part = in.u8();
  out.parts = in.u8();
  const auto zeros = in.take(5);
  const auto octets = in.take(in.left());
  const auto known = kind == static_cast<std::uint8_t>(lan_letter_kind::record) ||
                     kind == static_cast<std::uint8_t>(lan_letter_kind::signal);
  if (!in.done() || !known || !all_zero(zeros)) return malformed;
  if (out.parts > lan_parts_max || out.part >= out.parts) return malformed;
  const bool last = out.part + 1 == out.parts;
  if (octets.empty() || octets.size() > lan_part_octets) return malformed;
  if (!last && octets.size() != lan_part_octets) return malformed;
  out.kind = static_cast<lan_letter_kind>(kind);
  out.octets.assign(octets.begin(), octets.end());
  return out;
}

} // namespace

lan_keys lan_keys_of(const party_secret& secret) {
  return {id_of(secret), hkdf(secret.reveal(), "lanrage lan v1"),
          hkdf(secret.reveal(), "lanrage lan tag v1")};
}

bytes encode(const lan_announcement& frame, const lan_keys& keys, const sign_private_key& sign_key,
             const random_source& random) {
  if (frame.echoes.size() > lan_echoes_max) throw std::length_error("echoes");
  const auto body = body_of(frame);
  const auto sig = ed25519_sign(sign_key.reveal(), signed_octets(body, keys.party));
  byte_writer plain;
  plain.raw(body).raw(sig.view());
  return finish(announcement_kind, plain.view(), keys, random);
}

bytes encode(const lan_letter& part, const lan_keys& keys, const random_source& random) {
  byte_writer plain;
  plain.raw(part.from.view()).raw(part.to.view()).u64(part.id);
  plain.u8(static_cast<std::uint8_t>(part.kind)).u8(part.part).u8(part.parts).zeros(5);
  plain.raw(part.octets);
  return finish(letter_kind, plain.view(), keys, random);
}

std::vector<bytes> encode_letter(lan_letter head, byte_view octets, const lan_keys& keys,
                                 const random_source& random) {
  if (octets.empty() || octets.size() > lan_letter_octets_max) return {};
  const auto parts = (octets.size() + lan_part_octets - 1) / lan_part_octets;
  head.parts = static_cast<std::uint8_t>(parts);
  std::vector<bytes> out;
  for (std::size_t i = 0; i < parts; ++i) {
    const auto rest = octets.subspan(i * lan_part_octets);
    const auto piece = rest.first(std::min(rest.size(), lan_part_octets));
    head.part = static_cast<std::uint8_t>(i);
    head.octets.assign(piece.begin(), piece.end());
    out.push_back(encode(head, keys, random));
  }
  return out;
}

bool is_of_party(byte_view datagram, const lan_keys& keys) {
  if (datagram.size() < overhead || datagram.size() > lan_frame_max) return false;
  const auto seal_nonce = datagram.subspan(sealed_at, seal_nonce_octets);
  return equal_in_constant_time(datagram.subspan(header_octets, tag_octets),
                                tag_of(seal_nonce, keys));
}

result<std::variant<lan_announcement, lan_letter>> decode_lan(byte_view datagram,
                                                              const lan_keys& keys) {
  using frame = std::variant<lan_announcement, lan_letter>;
  if (datagram.size() < overhead || datagram.size() > lan_frame_max) return malformed;
  const auto kind = datagram[4];
  if (kind != announcement_kind && kind != letter_kind) return malformed;
  const auto header = datagram.first(header_octets);
  const auto expected = header_of(kind);
  if (!std::equal(header.begin(), header.end(), expected.begin(), expected.end())) return malformed;
  if (!is_of_party(datagram, keys)) return fail(errc::bad_signature, "another party's frame");
  const auto plain = unseal(keys.seal, header, datagram.subspan(sealed_at));
  if (!plain) return fail(errc::bad_signature, "a frame of the local network");
  if (kind == letter_kind) {
    auto letter = read_letter(*plain);
    if (!letter) return letter.error();
    return frame{std::move(*letter)};
  }
  auto announcement = read_announcement(*plain);
  if (!announcement) return announcement.error();
  return frame{std::move(*announcement)};
}

bool is_signed(const lan_announcement& frame, const lan_keys& keys) {
  if (frame.echoes.size() > lan_echoes_max) return false;
  return ed25519_verify(frame.sign_key.view(), signed_octets(body_of(frame), keys.party),
                        frame.sig);
}

} // namespace lanrage::net
