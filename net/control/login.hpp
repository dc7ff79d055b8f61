#pragma once

#include "net/control/invite.hpp"
#include "net/control/protocol.hpp"

#include <optional>
#include <span>
#include <string>

/// The proofs of a login (docs/wire-control.md "Login"): pure functions that member, server and
/// simulation share.
namespace lanrage::net::control {

/// A party a member is in or wants to be in.
struct membership {
  party_id party;
  peer_id id; ///< our name there
  party_verifier verifier;
  std::optional<std::string> create; ///< the party's name, when it is to be made
};

/// A member's change from one WireGuard key to the next.
struct key_change {
  wg_private_key from;
  wg_private_key to;
};

digest32 login_mac(const shared_key& login_key, const channel_binding& binding);
/// What a key says for the one that takes its place; `login_key` is the old one's.
digest32 rotation_mac(const shared_key& login_key, const channel_binding& binding,
                      const wg_public_key& successor);
digest32 party_proof(const party_verifier& verifier, const channel_binding& binding,
                     const wg_public_key& member);

join_request make_join(const membership& in, const channel_binding& binding,
                       const wg_public_key& member);
/// bad_key when the server's login key is no usable X25519 key.
result<login> make_login(const wg_private_key& own, const login_public_key& server,
                         const channel_binding& binding, std::span<const membership> parties);
/// As the new key, with the word of the old one for it.
result<login> make_login(const key_change& change, const login_public_key& server,
                         const channel_binding& binding, std::span<const membership> parties);

/// bad_login unless the MAC was made by the owner of `request.key` on this very connection, and so
/// was that of the key it replaces, if it names one.
result<void> check_login(const login& request, const login_private_key& server,
                         const channel_binding& binding);
/// wrong_secret unless the proof was made with the party's verifier on this very connection.
result<void> check_proof(const join_request& request, const party_verifier& verifier,
                         const channel_binding& binding, const wg_public_key& member);

} // namespace lanrage::net::control
