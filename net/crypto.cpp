#include "net/crypto.hpp"

#include "net/openssl_ptr.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <memory>

namespace lanrage::net {

namespace {

using pkey = openssl_ptr<EVP_PKEY, EVP_PKEY_free>;
using pkey_ctx = openssl_ptr<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using md_ctx = openssl_ptr<EVP_MD_CTX, EVP_MD_CTX_free>;
using mac_ctx = openssl_ptr<EVP_MAC_CTX, EVP_MAC_CTX_free>;
using kdf_ctx = openssl_ptr<EVP_KDF_CTX, EVP_KDF_CTX_free>;
using cipher_ctx = openssl_ptr<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

constexpr std::size_t nonce_octets = 12;
constexpr std::size_t tag_octets = 16;

/// What OpenSSL never refuses for valid arguments: a refusal is a broken installation or a defect.
void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string{"OpenSSL failed: "} + what);
}

/// Algorithms live as long as the program: fetching one costs more than using it.
EVP_MD* fetch_digest(const char* name) {
  auto* digest = ::EVP_MD_fetch(nullptr, name, nullptr);
  must(digest != nullptr, name);
  return digest;
}

EVP_MAC* fetch_mac(const char* name) {
  auto* mac = ::EVP_MAC_fetch(nullptr, name, nullptr);
  must(mac != nullptr, name);
  return mac;
}

digest32 digest(const EVP_MD* algorithm, std::initializer_list<byte_view> parts) {
  thread_local const md_ctx context{::EVP_MD_CTX_new()};
  must(context && ::EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1, "digest");
  for (const auto part : parts)
    must(::EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1, "digest");
  digest32 out{};
  unsigned size = 0;
  must(::EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1 && size == out.size(), "digest");
  return out;
}

void mac_into(EVP_MAC_CTX* context, byte_view key, const OSSL_PARAM* params,
              std::initializer_list<byte_view> parts, std::span<std::uint8_t> out) {
  must(context && ::EVP_MAC_init(context, key.data(), key.size(), params) == 1, "MAC key");
  for (const auto part : parts)
    must(::EVP_MAC_update(context, part.data(), part.size()) == 1, "MAC");
  std::size_t size = 0;
  must(::EVP_MAC_final(context, out.data(), &size, out.size()) == 1 && size == out.size(), "MAC");
}

pkey private_key(int type, byte_view raw) {
  pkey key{::EVP_PKEY_new_raw_private_key(type, nullptr, raw.data(), raw.size())};
  must(key != nullptr, "private key");
  return key;
}

digest32 public_half(int type, byte_view raw) {
  const auto key = private_key(type, raw);
  digest32 out{};
  auto size = out.size();
  must(::EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) == 1 && size == out.size(),
       "public key");
  return out;
}

template <std::size_t N, class Octets>
std::array<std::uint8_t, N> head(const Octets& octets) {
  std::array<std::uint8_t, N> out{};
  static_assert(N <= sizeof(digest32));
  std::memcpy(out.data(), octets.data(), N);
  return out;
}

result<shared_key> agree(byte_view own, byte_view other, std::string_view label) {
  const auto secret = x25519(own, other);
  if (!secret) return secret.error();
  return hkdf(secret->reveal(), label);
}

} // namespace

random_source os_random() {
  return [](std::span<std::uint8_t> out) {
    must(::RAND_bytes(out.data(), static_cast<int>(out.size())) == 1, "random octets");
  };
}

digest32 blake2s(std::initializer_list<byte_view> parts) {
  static const auto* algorithm = fetch_digest("BLAKE2S-256");
  return digest(algorithm, parts);
}

digest32 sha256(std::initializer_list<byte_view> parts) {
  static const auto* algorithm = fetch_digest("SHA2-256");
  return digest(algorithm, parts);
}

mac16 blake2s_mac(byte_view key, std::initializer_list<byte_view> parts) {
  static auto* algorithm = fetch_mac("BLAKE2SMAC");
  thread_local const mac_ctx context{::EVP_MAC_CTX_new(algorithm)};
  std::size_t size = mac16::size;
  const OSSL_PARAM params[] = {::OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               ::OSSL_PARAM_construct_end()};
  mac16 out;
  mac_into(context.get(), key, params, parts, out.octets);
  return out;
}

digest32 hmac_sha256(byte_view key, std::initializer_list<byte_view> parts) {
  static auto* algorithm = fetch_mac("HMAC");
  const mac_ctx context{::EVP_MAC_CTX_new(algorithm)};
  char name[] = "SHA2-256";
  const OSSL_PARAM params[] = {::OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               ::OSSL_PARAM_construct_end()};
  static constexpr std::uint8_t none = 0; // OpenSSL takes a null key for "keep the last one"
  digest32 out{};
  mac_into(context.get(), key.empty() ? byte_view{&none, 0} : key, params, parts, out);
  return out;
}

shared_key hkdf(byte_view input, std::string_view info) {
  static auto* algorithm = ::EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  must(algorithm != nullptr, "HKDF");
  const kdf_ctx context{::EVP_KDF_CTX_new(algorithm)};
  char name[] = "SHA2-256";
  const OSSL_PARAM params[] = {
      ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
      ::OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                          const_cast<std::uint8_t*>(input.data()), input.size()),
      ::OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(info.data()),
                                          info.size()),
      ::OSSL_PARAM_construct_end()};
  std::array<std::uint8_t, shared_key::size> out{};
  must(context && ::EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1, "HKDF");
  shared_key key{out};
  ::OPENSSL_cleanse(out.data(), out.size());
  return key;
}

bool equal_in_constant_time(byte_view a, byte_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

result<shared_key> x25519(byte_view private_octets, byte_view public_octets) {
  const auto own = private_key(EVP_PKEY_X25519, private_octets);
  const pkey other{::EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, public_octets.data(),
                                                 public_octets.size())};
  must(other != nullptr, "public key");
  const pkey_ctx context{::EVP_PKEY_CTX_new(own.get(), nullptr)};
  must(context && ::EVP_PKEY_derive_init(context.get()) == 1, "X25519");
  std::array<std::uint8_t, shared_key::size> out{};
  auto size = out.size();
  const bool derived = ::EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                       ::EVP_PKEY_derive(context.get(), out.data(), &size) == 1;
  // OpenSSL refuses the all-zero result itself; the check here does not depend on that.
  std::uint8_t any = 0;
  for (const auto octet : out)
    any |= octet;
  if (!derived || any == 0) {
    ::ERR_clear_error();
    return fail(errc::bad_key, "the public key is of low order");
  }
  shared_key key{out};
  ::OPENSSL_cleanse(out.data(), out.size());
  return key;
}

digest32 x25519_public(byte_view private_octets) {
  return public_half(EVP_PKEY_X25519, private_octets);
}

digest32 ed25519_public(byte_view seed) {
  return public_half(EVP_PKEY_ED25519, seed);
}

signature ed25519_sign(byte_view seed, byte_view message) {
  const auto key = private_key(EVP_PKEY_ED25519, seed);
  const md_ctx context{::EVP_MD_CTX_new()};
  signature out;
  auto size = out.octets.size();
  must(context && ::EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           ::EVP_DigestSign(context.get(), out.octets.data(), &size, message.data(),
                            message.size()) == 1,
       "Ed25519");
  return out;
}

bool ed25519_verify(byte_view public_octets, byte_view message, const signature& sig) {
  const pkey key{::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_octets.data(),
                                               public_octets.size())};
  const md_ctx context{::EVP_MD_CTX_new()};
  const bool good =
      key && context &&
      ::EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      ::EVP_DigestVerify(context.get(), sig.octets.data(), sig.octets.size(), message.data(),
                         message.size()) == 1;
  if (!good) ::ERR_clear_error();
  return good;
}

bytes seal(const shared_key& key, byte_view aad, byte_view plain, const random_source& random) {
  bytes out(nonce_octets + plain.size() + tag_octets);
  random(std::span{out}.first(nonce_octets));
  const cipher_ctx context{::EVP_CIPHER_CTX_new()};
  int size = 0;
  auto* c = context.get();
  must(c && ::EVP_EncryptInit_ex2(c, ::EVP_chacha20_poly1305(), key.reveal().data(), out.data(),
                                  nullptr) == 1,
       "ChaCha20-Poly1305");
  if (!aad.empty())
    must(::EVP_EncryptUpdate(c, nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1,
         "ChaCha20-Poly1305");
  if (!plain.empty())
    must(::EVP_EncryptUpdate(c, out.data() + nonce_octets, &size, plain.data(),
                             static_cast<int>(plain.size())) == 1,
         "ChaCha20-Poly1305");
  auto* tag = out.data() + nonce_octets + plain.size();
  must(::EVP_EncryptFinal_ex(c, tag, &size) == 1 &&
           ::EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, tag_octets, tag) == 1,
       "ChaCha20-Poly1305");
  return out;
}

result<bytes> unseal(const shared_key& key, byte_view aad, byte_view sealed) {
  const auto refused = fail(errc::bad_signature, "the seal does not verify");
  if (sealed.size() < nonce_octets + tag_octets) return refused;
  const auto text = sealed.subspan(nonce_octets, sealed.size() - nonce_octets - tag_octets);
  bytes out(text.size());
  const cipher_ctx context{::EVP_CIPHER_CTX_new()};
  int size = 0;
  auto* c = context.get();
  must(c && ::EVP_DecryptInit_ex2(c, ::EVP_chacha20_poly1305(), key.reveal().data(), sealed.data(),
                                  nullptr) == 1,
       "ChaCha20-Poly1305");
  bool good = ::EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, tag_octets,
                                    const_cast<std::uint8_t*>(sealed.last(tag_octets).data())) == 1;
  if (!aad.empty())
    good = good &&
           ::EVP_DecryptUpdate(c, nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1;
  if (!text.empty())
    good = good && ::EVP_DecryptUpdate(c, out.data(), &size, text.data(),
                                       static_cast<int>(text.size())) == 1;
  std::uint8_t none = 0; // Final wants somewhere to write, though it writes nothing
  if (!good || ::EVP_DecryptFinal_ex(c, &none, &size) != 1) {
    ::ERR_clear_error();
    return refused;
  }
  return out;
}

member_hash hash_of(const wg_public_key& key) {
  return {head<member_hash::size>(blake2s({as_bytes("lanrage member v1"), key.view()}))};
}

relay_id id_of(const relay_public_key& key) {
  return {head<relay_id::size>(blake2s({as_bytes("lanrage relay v1"), key.view()}))};
}

party_id id_of(const party_secret& secret) {
  return {head<party_id::size>(hkdf(secret.reveal(), "lanrage party id v1").reveal())};
}

party_verifier verifier_of(const party_secret& secret) {
  return *party_verifier::from(hkdf(secret.reveal(), "lanrage verifier v1").reveal());
}

shared_key record_key(const party_secret& secret) {
  return hkdf(secret.reveal(), "lanrage record v1");
}

sign_private_key sign_key_of(const wg_private_key& key) {
  return *sign_private_key::from(hkdf(key.reveal(), "lanrage sign v1").reveal());
}

sign_public_key public_key(const sign_private_key& seed) {
  return {ed25519_public(seed.reveal())};
}

token_public_key public_key(const token_private_key& seed) {
  return {ed25519_public(seed.reveal())};
}

result<shared_key> probe_key(const wg_private_key& own, const wg_public_key& other) {
  return agree(own.reveal(), other.view(), "lanrage probe v1");
}

result<shared_key> signal_key(const wg_private_key& own, const wg_public_key& other) {
  return agree(own.reveal(), other.view(), "lanrage signal v1");
}

result<shared_key> relay_key(const wg_private_key& own, const relay_public_key& relay) {
  return agree(own.reveal(), relay.view(), "lanrage relay key v1");
}

result<shared_key> relay_key(const relay_private_key& own, const wg_public_key& member) {
  return agree(own.reveal(), member.view(), "lanrage relay key v1");
}

result<shared_key> login_key(const wg_private_key& own, const login_public_key& server) {
  return agree(own.reveal(), server.view(), "lanrage login v1");
}

result<shared_key> login_key(const login_private_key& own, const wg_public_key& member) {
  return agree(own.reveal(), member.view(), "lanrage login v1");
}

} // namespace lanrage::net
