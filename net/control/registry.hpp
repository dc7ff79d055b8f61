#pragma once

#include "net/control/login.hpp"
#include "net/control/protocol.hpp"
#include "net/frames.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// The core of the control server: who is in which party, under which name and address, and who
/// must hear of a change. Pure: it runs in the server and in the simulation alike.
namespace lanrage::net::control {

/// A connection, as numbered by its shell; never reused.
struct session_id {
  std::uint64_t value = 0;
  friend auto operator<=>(const session_id&, const session_id&) = default;
};

/// The shell's two clocks at the moment of an event.
struct moment {
  std::chrono::steady_clock::time_point now; ///< for durations
  std::uint64_t unix_ms = 0;                 ///< for expiry dates that others read
};

struct registry_limits {
  std::size_t sessions = 0;
  std::size_t parties = 0;
  std::size_t parties_per_member = 0;
  std::size_t members_per_party = 0;
  std::size_t leases = 0;             ///< members in all; a /16 has 64,000 addresses
  std::size_t octets_per_message = 0; ///< of records in one welcome or records message
  std::uint32_t messages_per_s = 0;   ///< per session, on average
  std::uint32_t messages_burst = 0;   ///< per session, at once
  std::chrono::seconds token_lifetime{};
};

// --- what is stored -----------------------------------------------------------------------------

struct stored_record {
  std::uint64_t version = 0;
  bytes sealed;
};
struct stored_membership {
  party_id party;
  wg_public_key key;
  peer_id id;
  std::optional<stored_record> record;
};
struct stored_party {
  party_id party;
  std::string name;
  party_verifier verifier;
};
struct stored_member {
  wg_public_key key;
  sign_public_key sign_key;
  virtual_ip address;
};
struct stored_state {
  std::vector<stored_party> parties;
  std::vector<stored_member> members;
  std::vector<stored_membership> memberships;
};

struct drop_party {
  party_id party;
};
struct drop_member {
  wg_public_key key;
};
struct drop_membership {
  party_id party;
  wg_public_key key;
};
/// One change to what is stored; `stored_*` inserts or replaces.
using change = std::variant<stored_party, stored_member, stored_membership, drop_party, drop_member,
                            drop_membership>;

// --- what the shell has to do -------------------------------------------------------------------

/// Store before anything that follows is sent.
struct save {
  change what;
};
/// The login holds: finish the upgrade.
struct accept_login {
  session_id session;
};
/// The login does not hold: answer over HTTP and forget the session.
struct refuse_login {
  session_id session;
  error why;
};
struct send_message {
  std::vector<session_id> to;
  server_message message;
};
/// End an accepted session, telling why; the registry has forgotten it already.
struct end_session {
  session_id session;
  error why;
};
/// What the server's owner should know: to be counted and logged.
struct note {
  enum class kind : std::uint8_t { forgotten, rotated };
  kind what{};
  session_id by;
  std::string text; ///< a sentence without its end: "bob was forgotten"
};
using effect = std::variant<save, accept_login, refuse_login, send_message, end_session, note>;
using effects = std::vector<effect>;

class registry {
 public:
  registry(registry_limits limits, login_private_key login_key, token_private_key token_key,
           std::vector<relay_info> relays, const stored_state& stored);

  /// A login arrived on a connection that has no session yet.
  effects opened(session_id session, const login& request, const channel_binding& binding,
                 moment at);
  effects received(session_id session, const client_message& message, moment at);
  /// A message that could not be decoded; counts against the rate as any other.
  effects received(session_id session, const undecodable& message, moment at);
  /// The connection ended, whoever ended it.
  effects closed(session_id session, moment at);
  /// Call at least every token_lifetime / 8: renews tokens.
  effects tick(moment at);
  effects set_relays(std::vector<relay_info> relays, moment at);

  std::size_t sessions() const { return sessions_.size(); }
  std::size_t parties() const { return parties_.size(); }
  std::size_t members() const { return members_.size(); }
  std::optional<virtual_ip> lease_of(const wg_public_key& key) const;

 private:
  struct party_member {
    peer_id id;
    std::optional<stored_record> record;
  };
  struct party {
    std::string name;
    party_verifier verifier;
    std::map<wg_public_key, party_member> members;
    std::map<peer_id, wg_public_key> names;
  };
  struct member {
    sign_public_key sign_key;
    virtual_ip address;
    std::set<party_id> parties;
  };
  struct session {
    wg_public_key key;
    sign_public_key sign_key;
    channel_binding binding{};
    std::set<party_id> parties; ///< whose secret it proved to know
    std::chrono::steady_clock::time_point tokens_due;
    double allowance = 0; ///< messages it may send at once
    std::chrono::steady_clock::time_point allowance_at;
  };
  class run;
  friend class run;

  registry_limits limits_;
  login_private_key login_key_;
  token_private_key token_key_;
  std::vector<relay_info> relays_;
  std::map<party_id, party> parties_;
  std::map<wg_public_key, member> members_;
  std::map<virtual_ip, wg_public_key> leases_;
  std::map<session_id, session> sessions_;
  std::map<wg_public_key, session_id> online_;
};

} // namespace lanrage::net::control
