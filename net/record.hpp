#pragma once

#include "net/boxed.hpp"
#include "net/endpoint.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What members tell each other about themselves: values only. How they are signed, sealed and
/// sent is net/control's business.
namespace lanrage::net {

/// Where a member may be reached (RFC 8445 section 5.1.1 names).
enum class candidate_kind : std::uint8_t { host, server_reflexive, peer_reflexive };
std::string_view to_string(candidate_kind kind);
std::optional<candidate_kind> parse_candidate_kind(std::string_view text);

struct candidate {
  candidate_kind kind{};
  endpoint address;
  friend auto operator<=>(const candidate&, const candidate&) = default;
};
inline constexpr std::size_t candidates_max = 16;

/// NAT behaviour by RFC 4787 (4.1 mapping, 5 filtering).
enum class nat_behavior : std::uint8_t {
  unknown,
  endpoint_independent,
  address_dependent,
  address_and_port_dependent,
};
std::string_view to_string(nat_behavior behavior);
std::optional<nat_behavior> parse_nat_behavior(std::string_view text);

struct nat_report {
  bool translated = false; ///< the reflexive address is none of our own
  nat_behavior mapping{};
  nat_behavior filtering{};
  friend bool operator==(const nat_report&, const nat_report&) = default;
};

/// The words people know for it: "open", "full cone", "address-restricted", "port-restricted",
/// "symmetric", "firewalled" (no NAT, a filter), "unknown"; "cone": only the mapping is known.
std::string_view classic_name(const nat_report& nat);

/// How a relay is reached where UDP is not: TLS on TCP, at the relay's own addresses.
struct relay_tls {
  std::uint16_t port = 0;
  certificate_pin pin; ///< SHA-256 of the certificate's SubjectPublicKeyInfo
  std::string name{};  ///< for SNI and Host, where something on the way insists; may be empty
  friend bool operator==(const relay_tls&, const relay_tls&) = default;
};
inline constexpr std::size_t relay_tls_name_max = 253; ///< RFC 1035 2.3.4
/// Empty, or a host name: letters, digits, hyphens and dots.
bool valid_tls_name(std::string_view name);

/// A relay the party may use, as the control plane lists it.
struct relay_info {
  relay_public_key key;
  std::string name; ///< for people: "relay1"; 1 to 32 printable octets
  endpoint address;
  std::optional<endpoint> address6{}; ///< of a relay that IPv6 reaches, too
  std::optional<relay_tls> tls{};     ///< of a relay that TLS reaches, too
  relay_id id() const;
  friend bool operator==(const relay_info&, const relay_info&) = default;
};
inline constexpr std::size_t relays_max = 32;

/// One member's leg to a relay it is registered with.
struct relay_leg {
  relay_id relay;
  std::chrono::microseconds rtt{}; ///< between the member and the relay
  friend auto operator<=>(const relay_leg&, const relay_leg&) = default;
};

/// What a member says of its key before: that key's own word for the present one.
struct key_succession {
  wg_public_key key; ///< the one that was replaced
  signature sig;     ///< by its signature key, see net/control/sealing.hpp
  friend bool operator==(const key_succession&, const key_succession&) = default;
};

/// A member, as it describes itself in one party.
struct peer_record {
  party_id party;
  peer_id id;
  wg_public_key key;
  sign_public_key sign_key;
  virtual_ip address;
  std::uint64_t version = 0; ///< only rises (milliseconds since 1970 or last + 1)
  nat_report nat;
  std::vector<candidate> candidates; ///< at most candidates_max
  std::vector<relay_leg> relays;     ///< where it is registered now, nearest first
  boxed<key_succession> replaces{};
  friend bool operator==(const peer_record&, const peer_record&) = default;
};

enum class signal_kind : std::uint8_t {
  offer, ///< this is where I am and whether my WireGuard knows you
  punch, ///< start probing `start_after` from the moment this arrives
  reset, ///< I lost the session: initiator, remove and add me, then start again
  bye,   ///< I disconnect on purpose: do not reconnect until I ask
};
std::string_view to_string(signal_kind kind);
std::optional<signal_kind> parse_signal_kind(std::string_view text);

/// A member's half of birthday probing (docs/decisions/0023): it is willing, and this is its side.
struct birthday_offer {
  bool symmetric = false; ///< its NAT shows every remote another port; else `seen` is for all
  endpoint seen;          ///< IPv4, where a server sees it; of a symmetric one the address counts
  std::uint32_t network = 0; ///< another number whenever its network is another one
  std::uint32_t with = 0;    ///< punch: now, with the receiver on this network; 0: not now
  friend bool operator==(const birthday_offer&, const birthday_offer&) = default;
};

/// What one member says to another through the control plane, sealed for the two of them.
struct peer_signal {
  signal_kind kind{};
  std::uint64_t sequence = 0; ///< only rises per direction; older ones are dropped
  std::uint32_t epoch = 0;    ///< the connection attempt it belongs to (initiator's count)
  bool ready = false;         ///< my WireGuard has you configured: a handshake may start
  std::vector<candidate> candidates;
  std::vector<relay_leg> relays;
  std::chrono::microseconds control_delay{}; ///< the sender's one-way delay to the control server
  std::chrono::microseconds start_after{};   ///< punch only
  std::optional<birthday_offer> birthday{};  ///< offer and punch
  friend bool operator==(const peer_signal&, const peer_signal&) = default;
};

/// Exactly one side starts a WireGuard handshake: the smaller public key, as unsigned octets
/// (two simultaneous initiations block each other for 5 to 10 s).
inline bool is_initiator(const wg_public_key& own, const wg_public_key& other) {
  return own < other;
}

} // namespace lanrage::net
