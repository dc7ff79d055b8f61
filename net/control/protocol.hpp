#pragma once

#include "net/crypto.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"
#include "net/record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a member and the control server say to each other (docs/wire-control.md), as values and as
/// JSON texts. Decoders check every field and bound; what they let through is well formed.
namespace lanrage::net::control {

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::string_view login_target = "/v1";
inline constexpr std::string_view login_header = "Lanrage-Login";
inline constexpr std::size_t sealed_max = 8 * 1024; ///< octets of a sealed record or signal
inline constexpr std::size_t login_parties_max = 16;

/// 32 octets that exist on this TLS connection only (RFC 9266).
using channel_binding = digest32;

// --- member to server ---------------------------------------------------------------------------

/// Makes the party when the server does not know it.
struct party_creation {
  std::string name;
  party_verifier verifier;
};
/// Join (or with `create`: make) a party; an element of a login or a message of its own.
struct join_request {
  party_id party;
  peer_id id;       ///< the name to go by
  digest32 proof{}; ///< party_proof()
  std::optional<party_creation> create;
};
struct leave_request {
  party_id party;
};
/// Free name, record and lease of a member that is away for good.
struct forget_request {
  party_id party;
  peer_id id; ///< its name: whoever lost it may never have published a record
};
struct publish_request {
  party_id party;
  peer_id id;
  std::uint64_t version = 0;
  bytes sealed;
};
struct signal_request {
  party_id party;
  wg_public_key to;
  bytes sealed;
};
using client_message =
    std::variant<join_request, leave_request, publish_request, signal_request, forget_request>;

/// A member's other key speaks for the one that logs in.
struct former_key {
  wg_public_key key;
  digest32 mac{}; ///< rotation_mac()
};
struct login {
  wg_public_key key;
  sign_public_key sign_key;
  digest32 mac{};                       ///< login_mac()
  std::optional<former_key> replaces{}; ///< what that key has goes to this one
  std::vector<join_request> parties;
};

/// What a refusal is about: the type of the request.
enum class request_kind : std::uint8_t { none, publish, signal, create, join, leave, forget };
std::string_view to_string(request_kind kind);
std::optional<request_kind> parse_request_kind(std::string_view text);
request_kind kind_of(const client_message& message);

// --- server to member ---------------------------------------------------------------------------

struct sealed_record {
  wg_public_key key;
  peer_id id;
  std::uint64_t version = 0;
  bool online = false;
  bytes sealed;
  friend bool operator==(const sealed_record&, const sealed_record&) = default;
};
struct party_view {
  party_id party;
  std::string name;
  virtual_ip address; ///< our lease
  std::vector<sealed_record> records;
  bool complete = true; ///< false: more records follow as party_records
};
struct party_refusal {
  party_id party;
  error why;
};
struct welcome {
  std::uint64_t time_unix_ms = 0;
  std::vector<party_view> parties;
  std::vector<party_refusal> refused;
  std::vector<relay_info> relays;
  std::vector<bytes> tokens; ///< encoded net::relay_token
  bool rotates = false;      ///< the server understands login::replaces
};
struct party_records {
  party_id party;
  std::vector<sealed_record> records;
  bool complete = true;
};
struct party_joined {
  party_view view;
  std::vector<bytes> tokens;
};
struct party_left {
  party_id party;
};
/// The answer to forget_request; everybody else hears member_gone.
struct member_forgotten {
  party_id party;
  peer_id id;
};
struct record_changed {
  party_id party;
  sealed_record record;
};
struct presence_changed {
  party_id party;
  wg_public_key key;
  bool online = false;
};
struct member_gone {
  party_id party;
  wg_public_key key;
};
struct signal_arrived {
  party_id party;
  wg_public_key from;
  bytes sealed;
};
struct tokens_renewed {
  std::vector<bytes> tokens;
};
struct relays_changed {
  std::vector<relay_info> relays;
  std::vector<bytes> tokens;
};
struct request_refused {
  error why;
  request_kind about{};
  std::optional<party_id> party;
};
using server_message =
    std::variant<welcome, party_records, party_joined, party_left, record_changed, presence_changed,
                 member_gone, member_forgotten, signal_arrived, tokens_renewed, relays_changed,
                 request_refused>;

// --- texts --------------------------------------------------------------------------------------

std::string encode(const client_message& message);
std::string encode(const server_message& message);
/// The value of the login header, base64url.
std::string encode(const login& request);

/// A message that was not understood; `fatal`: not even a JSON object, so the connection ends.
struct undecodable {
  error why; ///< bad_message or message_too_large
  request_kind about{};
  std::optional<party_id> party;
  bool fatal = false;
};
std::variant<client_message, undecodable> decode_client(std::string_view text);
result<server_message> decode_server(std::string_view text);
result<login> decode_login(std::string_view header_value);

/// `{"code":..,"text":..}`, the body of a refused login.
std::string encode_refusal(const error& why);
std::optional<error> decode_refusal(std::string_view text);
/// "CODE: TEXT", at most 123 octets (RFC 6455 5.5.1), the reason of a WebSocket close.
std::string close_reason(const error& why);
std::optional<error> parse_close_reason(std::string_view text);

std::optional<errc> parse_errc(std::string_view code);

} // namespace lanrage::net::control
