#pragma once

#include "net/bytes.hpp"
#include "net/crypto.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

/// What members say to each other on the local network, without any server. Layouts are frozen in
/// docs/wire.md, "Frames on the local network". All of it is sealed with keys from the party
/// secret: to anybody else a frame is its length and random octets.
namespace lanrage::net {

/// Administratively scoped for IPv4 (RFC 2365 6.1), transient and link-local for IPv6 (RFC 4291
/// 2.7, RFC 3307 4.3.2).
inline constexpr std::string_view lan_group_v4 = "239.255.76.78";
inline constexpr std::string_view lan_group_v6 = "ff12::cc4e:5201";
inline constexpr std::size_t lan_frame_max = 1'232; ///< octets: fits IPv6's smallest MTU

/// Keys of one party on the local network.
struct lan_keys {
  party_id party;
  shared_key seal;
  shared_key tag; ///< for the eight octets by which members know the party's frames
};
lan_keys lan_keys_of(const party_secret& secret);

/// Shown to others, and shown back as the proof of having heard just that.
using lan_nonce = opaque<struct lan_nonce_tag, 8>;

/// "I heard you."
struct lan_echo {
  member_hash to;
  lan_nonce nonce;           ///< its own, from its latest announcement
  std::uint64_t version = 0; ///< of its record, as the sender has it; 0: has none
  bool near = false;         ///< the sender needs no further proof that it is there
  friend bool operator==(const lan_echo&, const lan_echo&) = default;
};
inline constexpr std::size_t lan_echoes_max = 8;

/// "I am here." To all, or to one as the answer to its own. Always of the same size.
struct lan_announcement {
  wg_public_key from;
  sign_public_key sign_key;
  std::uint64_t counter = 0;      ///< only rises, per member, over restarts
  std::uint64_t time_unix_ms = 0; ///< the sender's clock, right or wrong
  lan_nonce nonce;
  std::uint64_t version = 0; ///< of the sender's own record; 0: has none
  std::vector<lan_echo> echoes;
  signature sig; ///< by `sign_key`; encode() makes it
  friend bool operator==(const lan_announcement&, const lan_announcement&) = default;
};

enum class lan_letter_kind : std::uint8_t {
  record = 1, ///< the sender's own record: version u64 | name length u8 | name | sealed record
  signal = 2, ///< a sealed signal
};

/// A part of what is for one member and may be too long for a datagram.
struct lan_letter {
  member_hash from;
  member_hash to;
  std::uint64_t id = 0; ///< the same in all parts
  lan_letter_kind kind{};
  std::uint8_t part = 0; ///< from 0
  std::uint8_t parts = 1;
  bytes octets;
  friend bool operator==(const lan_letter&, const lan_letter&) = default;
};
inline constexpr std::size_t lan_part_octets = 1'150; ///< all but the last part have so many
inline constexpr std::size_t lan_parts_max = 8;
inline constexpr std::size_t lan_letter_octets_max = lan_part_octets * lan_parts_max;

/// Signs and seals. A frame that cannot be (more echoes than fit) is a defect of the caller.
bytes encode(const lan_announcement& frame, const lan_keys& keys, const sign_private_key& sign_key,
             const random_source& random);
bytes encode(const lan_letter& part, const lan_keys& keys, const random_source& random);
/// All parts of one letter, sealed; none when it is empty or longer than lan_letter_octets_max.
std::vector<bytes> encode_letter(lan_letter head, byte_view octets, const lan_keys& keys,
                                 const random_source& random);

/// Whether a datagram looks like one of this party's frames: the cheapest question, so the first.
bool is_of_party(byte_view datagram, const lan_keys& keys);
/// bad_frame when malformed, bad_signature when it is another party's or altered. An announcement's
/// signature is not looked at: is_signed() does, once the counter is worth it.
result<std::variant<lan_announcement, lan_letter>> decode_lan(byte_view datagram,
                                                              const lan_keys& keys);
bool is_signed(const lan_announcement& frame, const lan_keys& keys);

} // namespace lanrage::net
