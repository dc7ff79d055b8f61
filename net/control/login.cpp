#include "net/control/login.hpp"

namespace lanrage::net::control {

digest32 login_mac(const shared_key& key, const channel_binding& binding) {
  return hmac_sha256(key.reveal(), {binding, as_bytes("login")});
}

digest32 rotation_mac(const shared_key& key, const channel_binding& binding,
                      const wg_public_key& successor) {
  return hmac_sha256(key.reveal(), {binding, as_bytes("rotate"), successor.view()});
}

digest32 party_proof(const party_verifier& verifier, const channel_binding& binding,
                     const wg_public_key& member) {
  return hmac_sha256(verifier.reveal(), {binding, member.view()});
}

join_request make_join(const membership& in, const channel_binding& binding,
                       const wg_public_key& member) {
  join_request out{in.party, in.id, party_proof(in.verifier, binding, member), std::nullopt};
  if (in.create) out.create = party_creation{*in.create, in.verifier};
  return out;
}

result<login> make_login(const wg_private_key& own, const login_public_key& server,
                         const channel_binding& binding, std::span<const membership> parties) {
  const auto key = login_key(own, server);
  if (!key) return key.error();
  login out;
  out.key = public_key(own);
  out.sign_key = public_key(sign_key_of(own));
  out.mac = login_mac(*key, binding);
  for (const auto& party : parties)
    out.parties.push_back(make_join(party, binding, out.key));
  return out;
}

result<login> make_login(const key_change& change, const login_public_key& server,
                         const channel_binding& binding, std::span<const membership> parties) {
  auto out = make_login(change.to, server, binding, parties);
  if (!out) return out;
  const auto key = login_key(change.from, server);
  if (!key) return key.error();
  out->replaces = former_key{public_key(change.from), rotation_mac(*key, binding, out->key)};
  return out;
}

result<void> check_login(const login& request, const login_private_key& server,
                         const channel_binding& binding) {
  const auto key = login_key(server, request.key);
  if (!key) return fail(errc::bad_login, "the WireGuard key is unusable");
  if (!equal_in_constant_time(login_mac(*key, binding), request.mac))
    return fail(errc::bad_login, "the proof does not belong to this key and connection");
  if (!request.replaces) return {};
  const auto former = login_key(server, request.replaces->key);
  if (!former || request.replaces->key == request.key ||
      !equal_in_constant_time(rotation_mac(*former, binding, request.key), request.replaces->mac))
    return fail(errc::bad_login, "the replaced key did not speak for this one and connection");
  return {};
}

result<void> check_proof(const join_request& request, const party_verifier& verifier,
                         const channel_binding& binding, const wg_public_key& member) {
  if (!equal_in_constant_time(party_proof(verifier, binding, member), request.proof))
    return fail(errc::wrong_secret, "the proof does not match the party");
  return {};
}

} // namespace lanrage::net::control
