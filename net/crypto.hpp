#pragma once

#include "net/bytes.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/keys.hpp"

#include <functional>
#include <initializer_list>

namespace lanrage::net {

/// Fills a buffer with random octets. The daemon passes the operating system's source, the
/// simulation a seeded stream; nothing below draws randomness by itself.
using random_source = std::function<void(std::span<std::uint8_t>)>;
random_source os_random(); ///< OpenSSL's RAND_bytes; throws if the system has none

using digest32 = std::array<std::uint8_t, 32>;
digest32 blake2s(std::initializer_list<byte_view> parts); ///< BLAKE2s-256 of the concatenation
digest32 sha256(std::initializer_list<byte_view> parts);
/// Keyed BLAKE2s with a 16-octet result: WireGuard's MAC (WireGuard paper 5.4), and ours.
mac16 blake2s_mac(byte_view key, std::initializer_list<byte_view> parts);
digest32 hmac_sha256(byte_view key, std::initializer_list<byte_view> parts);
/// HKDF-SHA256 (RFC 5869) without salt, 32 octets.
shared_key hkdf(byte_view input, std::string_view info);
bool equal_in_constant_time(byte_view a, byte_view b);

/// X25519 (RFC 7748). An all-zero result (a low-order public key) is bad_key.
result<shared_key> x25519(byte_view private_key, byte_view public_key);
/// The public half of an X25519 private key, 32 octets.
digest32 x25519_public(byte_view private_key);

template <class Public, class Private>
Public public_of(const Private& key) {
  return *Public::from(x25519_public(key.reveal()));
}
inline wg_public_key public_key(const wg_private_key& k) {
  return public_of<wg_public_key>(k);
}
inline relay_public_key public_key(const relay_private_key& k) {
  return public_of<relay_public_key>(k);
}
inline login_public_key public_key(const login_private_key& k) {
  return public_of<login_public_key>(k);
}

/// A fresh clamped X25519 private key of the given kind.
template <class Private>
Private generate_x25519(const random_source& random) {
  std::array<std::uint8_t, 32> raw{};
  random(raw);
  raw[0] &= 248;
  raw[31] = static_cast<std::uint8_t>((raw[31] & 127) | 64);
  return Private{raw};
}
template <class Secret>
Secret generate_secret(const random_source& random) {
  std::array<std::uint8_t, Secret::size> raw{};
  random(raw);
  return Secret{raw};
}

/// Ed25519 (RFC 8032); `seed` is the 32-octet private key.
digest32 ed25519_public(byte_view seed);
signature ed25519_sign(byte_view seed, byte_view message);
bool ed25519_verify(byte_view public_key, byte_view message, const signature& sig);

/// ChaCha20-Poly1305 (RFC 8439). Result: nonce (12) || ciphertext || tag (16).
bytes seal(const shared_key& key, byte_view aad, byte_view plain, const random_source& random);
/// The reverse; bad_signature when anything was altered.
result<bytes> unseal(const shared_key& key, byte_view aad, byte_view sealed);

// Derivations of docs/wire.md, one definition each.
member_hash hash_of(const wg_public_key& key);
relay_id id_of(const relay_public_key& key);
party_id id_of(const party_secret& secret);
party_verifier verifier_of(const party_secret& secret);
shared_key record_key(const party_secret& secret);
sign_private_key sign_key_of(const wg_private_key& key);
sign_public_key public_key(const sign_private_key& seed);
token_public_key public_key(const token_private_key& seed);
/// Keys two members share: for probes (frames) and for signals (through the control plane).
result<shared_key> probe_key(const wg_private_key& own, const wg_public_key& other);
result<shared_key> signal_key(const wg_private_key& own, const wg_public_key& other);
/// The key a member and a relay share.
result<shared_key> relay_key(const wg_private_key& own, const relay_public_key& relay);
result<shared_key> relay_key(const relay_private_key& own, const wg_public_key& member);
/// The key a member and the control server share for the login proof.
result<shared_key> login_key(const wg_private_key& own, const login_public_key& server);
result<shared_key> login_key(const login_private_key& own, const wg_public_key& member);

} // namespace lanrage::net
