#include "net/crypto.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::test;

namespace {
const auto alice = wg_private_key::from(hex(alice_private)).value();
const auto bob = wg_private_key::from(hex(bob_private)).value();
const auto alice_key = opaque_of<wg_public_key>(alice_public);
const auto bob_key = opaque_of<wg_public_key>(bob_public);

std::string shown(const shared_key& key) {
  return to_hex(key.reveal());
}
} // namespace

TEST_CASE("BLAKE2s matches RFC 7693 and its keyed 16-octet form an independent implementation") {
  CHECK(to_hex(blake2s({as_bytes("a"), as_bytes("bc")})) ==
        "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
  const auto key = counting<32>();
  CHECK(to_hex(blake2s_mac(key, {as_bytes("ab"), as_bytes("c")}).view()) ==
        "61ba5f165c194692e09d12520cc4c74a");
  CHECK(to_hex(blake2s_mac(key, {}).view()) == "9536f9b267655743dee97b8a670f9f53");
}

TEST_CASE("a MAC does not remember the key before it") {
  const auto first = counting<32>();
  const auto second = counting<32>(7);
  const auto expected = blake2s_mac(first, {as_bytes("x")});
  CHECK(blake2s_mac(second, {as_bytes("x")}) != expected);
  CHECK(blake2s_mac(first, {as_bytes("x")}) == expected);
}

TEST_CASE("SHA-256, HMAC and HKDF match FIPS 180, RFC 4231 and RFC 5869") {
  CHECK(to_hex(sha256({as_bytes("abc")})) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(hmac_sha256(as_bytes("Jefe"),
                           {as_bytes("what do ya want "), as_bytes("for nothing?")})) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha256({}, {})) ==
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  CHECK(shown(hkdf(bytes(22, 0x0b), "")) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST_CASE("X25519 matches RFC 7748") {
  const auto scalar = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  const auto point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  CHECK(shown(x25519(scalar, point).value()) ==
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST_CASE("WireGuard's own keys: the public half is what wg prints") {
  CHECK(public_key(alice) == alice_key);
  CHECK(public_key(bob) == bob_key);
}

TEST_CASE("a low-order public key is refused") {
  // Every point of small order (RFC 7748 section 6.1; the list of Bernstein's curve25519 page).
  for (const auto point : {"0000000000000000000000000000000000000000000000000000000000000000",
                           "0100000000000000000000000000000000000000000000000000000000000000",
                           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    CAPTURE(point);
    const auto shared = x25519(alice.reveal(), hex(point));
    REQUIRE(shared.has_error());
    CHECK(shared.error().code == errc::bad_key);
    CHECK(probe_key(alice, opaque_of<wg_public_key>(point)).has_error());
  }
}

TEST_CASE("Ed25519 matches RFC 8032") {
  const auto seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const auto public_half = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590"
                        "a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
  CHECK(to_hex(ed25519_public(seed)) == to_hex(public_half));
  const auto sig = ed25519_sign(seed, {});
  CHECK(to_hex(sig.view()) == expected);
  CHECK(ed25519_verify(public_half, {}, sig));

  const auto seed2 = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  CHECK(to_hex(ed25519_sign(seed2, bytes{0x72}).view()) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST_CASE("a signature over anything else does not verify") {
  const sign_private_key seed{counting<32>()};
  const auto key = public_key(seed);
  const auto sig = ed25519_sign(seed.reveal(), as_bytes("text"));
  CHECK(ed25519_verify(key.view(), as_bytes("text"), sig));
  CHECK_FALSE(ed25519_verify(key.view(), as_bytes("Text"), sig));
  CHECK_FALSE(ed25519_verify(alice_key.view(), as_bytes("text"), sig));
  CHECK_FALSE(ed25519_verify({}, as_bytes("text"), sig));
  for (std::size_t i = 0; i < signature::size; ++i) {
    auto forged = sig;
    forged.octets[i] ^= 1;
    CHECK_FALSE(ed25519_verify(key.view(), as_bytes("text"), forged));
  }
}

TEST_CASE("the seal is ChaCha20-Poly1305 of RFC 8439 2.8.2 behind its nonce") {
  const shared_key key{counting<32>(0x80)};
  const auto nonce = hex("070000004041424344454647");
  const auto aad = hex("50515253c0c1c2c3c4c5c6c7");
  const auto plain = as_bytes("Ladies and Gentlemen of the class of '99: If I could offer you only "
                              "one tip for the future, sunscreen would be it.");
  const random_source fixed = [&](std::span<std::uint8_t> out) {
    std::copy(nonce.begin(), nonce.end(), out.begin());
  };
  const auto sealed = seal(key, aad, plain, fixed);
  CHECK(to_hex(sealed) == "070000004041424344454647"
                          "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
                          "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
                          "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                          "3ff4def08e4b7a9de576d26586cec64b6116"
                          "1ae10b594f09e26a7e902ecbd0600691");
  CHECK(unseal(key, aad, sealed).value() == bytes(plain.begin(), plain.end()));
}

TEST_CASE("what was altered does not unseal") {
  const shared_key key{counting<32>()};
  const auto sealed = seal(key, as_bytes("to bob"), as_bytes("hello"), os_random());
  CHECK(unseal(key, as_bytes("to bob"), sealed).has_value());
  CHECK(unseal(key, as_bytes("to eve"), sealed).error().code == errc::bad_signature);
  CHECK(unseal(shared_key{counting<32>(1)}, as_bytes("to bob"), sealed).has_error());
  for (std::size_t size = 0; size < sealed.size(); ++size)
    CHECK(unseal(key, as_bytes("to bob"), byte_view{sealed}.first(size)).has_error());
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    auto altered = sealed;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    CHECK(unseal(key, as_bytes("to bob"), altered).has_error());
  }
}

TEST_CASE("an empty text seals to its nonce and tag") {
  const shared_key key{counting<32>()};
  const auto sealed = seal(key, {}, {}, os_random());
  CHECK(sealed.size() == 28);
  CHECK(unseal(key, {}, sealed).value().empty());
  CHECK(unseal(key, as_bytes("x"), sealed).has_error());
}

TEST_CASE("two seals of one text differ") {
  const shared_key key{counting<32>()};
  CHECK(seal(key, {}, as_bytes("x"), os_random()) != seal(key, {}, as_bytes("x"), os_random()));
}

TEST_CASE("derivations match the vectors of the wire format") {
  CHECK(to_hex(hash_of(alice_key).view()) == "338d12a58128e9df");
  CHECK(to_hex(id_of(opaque_of<relay_public_key>(bob_public)).view()) == "7de4316ee6938221");
  const party_secret party{counting<32>()};
  CHECK(to_hex(id_of(party).view()) == "4a45c0029fc93660934e28976bdc5e2a");
  CHECK(to_hex(verifier_of(party).reveal()) ==
        "3c72d9322ba63d576083e4705452824e223ca21f0464c6dd3966417393692c5c");
  CHECK(shown(record_key(party)) ==
        "993640aa07bb488706fe9b465b6e64b46e71211c514fc1e9f7fb6c747880536f");
  CHECK(to_hex(sign_key_of(alice).reveal()) ==
        "3c97d96f3c579784301132ce8f008165bc6c9855fe5ffbab781db60a627d86da");
}

TEST_CASE("both ends derive the same key, and each purpose another one") {
  const auto relay = relay_private_key::from(bob.reveal()).value();
  const auto login = login_private_key::from(bob.reveal()).value();
  CHECK(shown(probe_key(alice, bob_key).value()) ==
        "c0164759daf0fea7b150569ddc454a5477ef6c6ab08b641495e98eb1d9577463");
  CHECK(shown(probe_key(bob, alice_key).value()) == shown(probe_key(alice, bob_key).value()));
  CHECK(shown(signal_key(alice, bob_key).value()) ==
        "84dbaa53820fe48d587168de524ba707db070696a079f1a688b86517350f892e");
  CHECK(shown(signal_key(bob, alice_key).value()) == shown(signal_key(alice, bob_key).value()));
  CHECK(shown(relay_key(alice, public_key(relay)).value()) ==
        "62ef002b7882efcd0dd82e8e689230bbcc90a1660632f6d383d057a323280d1f");
  CHECK(shown(relay_key(relay, alice_key).value()) ==
        shown(relay_key(alice, public_key(relay)).value()));
  CHECK(shown(login_key(alice, public_key(login)).value()) ==
        "6a5ebbac21534cb1ec71bcc5897ac7731573057430cd297bd15fc24e92ccf0f4");
  CHECK(shown(login_key(login, alice_key).value()) ==
        shown(login_key(alice, public_key(login)).value()));
}

TEST_CASE("a generated key is clamped and depends only on the random source") {
  const random_source ones = [](std::span<std::uint8_t> out) {
    std::fill(out.begin(), out.end(), std::uint8_t{0xff});
  };
  const auto key = generate_x25519<wg_private_key>(ones);
  CHECK(key.reveal()[0] == 0xf8);
  CHECK(key.reveal()[31] == 0x7f);
  CHECK(to_hex(generate_x25519<wg_private_key>(ones).reveal()) == to_hex(key.reveal()));
  const auto a = generate_secret<party_secret>(os_random());
  const auto b = generate_secret<party_secret>(os_random());
  CHECK(to_hex(a.reveal()) != to_hex(b.reveal()));
}

TEST_CASE("comparison in constant time still compares") {
  CHECK(equal_in_constant_time(bytes{1, 2}, bytes{1, 2}));
  CHECK_FALSE(equal_in_constant_time(bytes{1, 2}, bytes{1, 3}));
  CHECK_FALSE(equal_in_constant_time(bytes{1, 2}, bytes{1, 2, 3}));
  CHECK(equal_in_constant_time({}, {}));
}
