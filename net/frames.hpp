#pragma once

#include "net/bytes.hpp"
#include "net/endpoint.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

/// The datagrams of ours that share WireGuard's UDP port. Layouts are frozen in docs/wire.md; every
/// frame starts with `frame_magic`, which neither WireGuard (first octet 1..4, then zeros) nor STUN
/// (cookie at octet 4) can start with.
namespace lanrage::net {

inline constexpr std::uint32_t frame_magic = 0x4C4E5201; // "LNR", 1
inline constexpr std::size_t frame_size_max = 1400;      // octets of UDP payload

enum class frame_kind : std::uint8_t {
  probe = 0x01,
  probe_answer = 0x02,
  path_check = 0x03,
  path_answer = 0x04,
  hello = 0x10,
  challenge = 0x11,
  registration = 0x12,
  registered = 0x13,
  refused = 0x14,
  ping = 0x15,
  pong = 0x16,
  bye = 0x17,
};

/// What a datagram on the shared port is, by its first octets alone.
enum class datagram_class : std::uint8_t { wireguard, stun, probe, relay, other };
datagram_class classify(byte_view datagram);
/// The kind of one of our frames, when it is one.
std::optional<frame_kind> kind_of(byte_view datagram);

using probe_transaction = std::array<std::uint8_t, 12>;

/// Connectivity check between two members (the role of RFC 8445's Binding checks). `padding` zero
/// octets make it as large as data; the answer carries none and is never larger than its probe.
struct probe {
  bool answer = false;
  bool ready = false;    ///< the sender's WireGuard knows the receiver: a handshake may start
  bool nominate = false; ///< the initiator has proven this path and moves to it
  member_hash from;
  member_hash to;
  probe_transaction transaction{};
  std::uint32_t epoch = 0; ///< the connection attempt of the initiator this belongs to
  endpoint observed;       ///< answer only: where the probe came from, as seen by its receiver
  std::uint16_t padding = 0;
};
inline constexpr std::size_t probe_octets = 8 + 8 + 8 + 12 + 4 + endpoint_octets + 16;
bytes encode(const probe& frame, const shared_key& key);
/// Reads a probe or a path check without trusting: tells whose key to check with.
struct probe_header {
  member_hash from;
  member_hash to;
};
std::optional<probe_header> peek_probe(byte_view datagram);
/// bad_frame when malformed, bad_signature when the MAC is wrong.
result<probe> decode_probe(byte_view datagram, const shared_key& key);

/// "Does this path carry datagrams, there and back?", asked of a living pair's paths: direct ones
/// and, since relays pass it on by its `to`, those through relays. Laid out as a probe, and as
/// there, `padding` makes it as large as data.
struct path_check {
  bool answer = false;
  bool doubt = false; ///< the path in use does not answer the sender: look at it, too
  member_hash from;
  member_hash to;
  probe_transaction transaction{};
  std::uint32_t move = 0; ///< the initiator moves to this path, and this is its how manieth move
  endpoint observed;      ///< answer only: where the check came from, as seen by its receiver
  std::uint16_t padding = 0;
};
bytes encode(const path_check& frame, const shared_key& key);
/// bad_frame when malformed, bad_signature when the MAC is wrong.
result<path_check> decode_path_check(byte_view datagram, const shared_key& key);

// --- relay registration ------------------------------------------------------------------------

using cookie = opaque<struct cookie_tag, 16>;

/// Signed by the control plane: who may use which relay for which party, until when.
struct relay_token {
  wg_public_key member;
  party_id party;
  relay_id relay;
  std::uint64_t expires_unix_s = 0;
  std::uint32_t rate_kbit_s = 0; ///< 0: the relay's default
  signature sig;
};
inline constexpr std::size_t relay_token_octets = 32 + 16 + 8 + 8 + 4 + 64;
bytes encode(const relay_token& token);
relay_token sign(relay_token token, const token_private_key& key);
/// Only the signature: the caller checks relay, member and expiry.
result<relay_token> decode_token(byte_view raw, const token_public_key& key);
result<relay_token> read_token(byte_view raw); ///< without checking the signature (members)

/// "Packets of mine with this receiver index go to that member": a WireGuard session's route.
struct route_claim {
  session_index index;
  member_hash to;
  friend auto operator<=>(const route_claim&, const route_claim&) = default;
};
inline constexpr std::size_t routes_per_frame_max = 64;
inline constexpr std::size_t tokens_per_frame_max = 4;

struct hello {
  wg_public_key member;
};
struct challenge {
  cookie value;
  std::uint64_t time_unix_ms = 0;
};
struct registration {
  wg_public_key member;
  cookie value;
  std::uint64_t timestamp = 0;     ///< only grows, per member (milliseconds since 1970 or last + 1)
  std::vector<bytes> tokens;       ///< encoded relay_tokens; none renews a live registration
  std::vector<route_claim> routes; ///< what the member knows of its sessions
};
struct registered {
  std::uint64_t timestamp = 0; ///< of the registration it answers
  std::chrono::seconds lifetime{};
  endpoint observed;               ///< the member's address as the relay sees it
  std::vector<route_claim> routes; ///< the routes the relay holds for this member
};
enum class refusal : std::uint8_t {
  unregistered = 1,  ///< register first (also after a restart of the relay)
  unknown_index = 2, ///< no route for this receiver index: claim it. `argument` = the index
  bad_token = 3,     ///< wrong, expired or for another relay
  stale = 4,         ///< timestamp not above the last one
  no_such_peer = 5,  ///< for nobody registered. `argument` = an initiation's sender index,
                     ///< else the receiver index
  full = 6,          ///< the relay's tables are full
};
struct refused {
  refusal code{};
  std::array<std::uint8_t, 4> argument{};
  std::optional<cookie> value; ///< only to registered members, as is the MAC
  bool authentic = false;      ///< decode: carried a MAC that verified
};
struct relay_ping {
  bool answer = false;
  member_hash from;        ///< the member, in both directions
  std::uint64_t nonce = 0; ///< echoed
  std::uint16_t load = 0;  ///< pong: permille of the relay's packet budget in use
};
struct bye {
  wg_public_key member;
  std::uint64_t timestamp = 0;
};

bytes encode(const hello& frame);
bytes encode(const challenge& frame);
bytes encode(const registration& frame, const shared_key& key);
bytes encode(const registered& frame, const shared_key& key);
/// With a key: cookie and MAC are sent (48 octets); without: the 16-octet form for strangers.
bytes encode(const refused& frame, const shared_key* key);
bytes encode(const relay_ping& frame, const shared_key& key);
bytes encode(const bye& frame, const shared_key& key);

result<hello> decode_hello(byte_view datagram);
result<challenge> decode_challenge(byte_view datagram);
/// First without a key (to learn the member and check its cookie), then `verify_frame`.
result<registration> decode_registration(byte_view datagram);
result<registered> decode_registered(byte_view datagram, const shared_key& key);
result<refused> decode_refused(byte_view datagram, const shared_key& key);
result<relay_ping> decode_ping(byte_view datagram);
result<bye> decode_bye(byte_view datagram);
/// Whether the last 16 octets are the MAC of all before under `key`.
bool verify_frame(byte_view datagram, const shared_key& key);

} // namespace lanrage::net
