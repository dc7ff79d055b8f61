#include "net/lan_frame.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace lanrage::net;
using namespace lanrage::net::test;

namespace {

const auto alice = wg_private_key::from(hex(alice_private)).value();
const auto alice_key = opaque_of<wg_public_key>(alice_public);
const auto bob_key = opaque_of<wg_public_key>(bob_public);
const auto keys = lan_keys_of(party_secret{counting<32>()});
const auto other_party = lan_keys_of(party_secret{counting<32>(1)});

/// The seal's nonce of the frames below.
void fixed(std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint8_t>(0x40 + i);
}

lan_announcement an_announcement() {
  lan_announcement out;
  out.from = alice_key;
  out.sign_key = public_key(sign_key_of(alice));
  out.counter = 7;
  out.time_unix_ms = 1'700'000'000'000;
  out.nonce = lan_nonce{counting<8>(0xa0)};
  out.version = 1'699'999'999'000;
  out.echoes = {{hash_of(bob_key), lan_nonce{counting<8>(0xb0)}, 5, true}};
  return out;
}

lan_letter a_letter() {
  lan_letter out;
  out.from = hash_of(alice_key);
  out.to = hash_of(bob_key);
  out.id = 9;
  out.kind = lan_letter_kind::signal;
  const auto text = as_bytes("sealed");
  out.octets.assign(text.begin(), text.end());
  return out;
}

bytes announced() {
  return encode(an_announcement(), keys, sign_key_of(alice), fixed);
}

lan_announcement read(byte_view frame) {
  return std::get<lan_announcement>(decode_lan(frame, keys).value());
}

} // namespace

TEST_CASE("frames of the local network are those of an independent implementation") {
  CHECK(to_hex(announced()) ==
        "4c4e520120000000868896b0d0f45303404142434445464748494a4b723dadd7627c03355d2f78a1cd6ed39cae"
        "1c3a49d72ea6434b45b9e4dc4fd33496e9e0823b633d73f814632bbe7ffc99e66e4c4540aecf552962e1201a81"
        "fd6486b45b81dc58101ea3cd4cb1ee6396c959dbd255cd55a057ef54f404d5fed2b8509e45dfcc16b5dd0f7808"
        "84949ba157e5be6ac9f9245bb10adf3ae1b2933ff130e9acf9b412e29863c77b1354fe4248c47a99a32d21da81"
        "7924a31db32b42ed073909d137502ecb6c6cc706c0765dce8cfdd0617323f03a6157d320825347f1e17c676200"
        "1850adc81c77d646acbe415495da3a4ebcf82ec5401e7412056daaa6917595f3d7476928bcb18c90cc4eb7fc9e"
        "b0e3d33a55f5dd8c4bb25d4454bdcb84b065cd3d9a3137faee22de4a020d2b245479d26ea9247fc6c52691dc2b"
        "d9e84572994595dfa549ec762e918837d63ffe4991c34e78b4c83084c5dfecf58a3ab019f8ed8c77d41d4c8b0a"
        "2fbab9c5bc553ceaed6d67203d19c8abc6b532ee6d66f144832512bd4fde8dcfb3f876fa66fb56672e53d649cd"
        "468d949468696df7781149fa8cd72bbc43fc0efd810762b67d857287ccff31e93f519aa7c44733ad93d5b7cc91"
        "4df2cf0f419dcf8073a55025f61786bf443d");
  CHECK(to_hex(encode(a_letter(), keys, fixed)) ==
        "4c4e520121000000868896b0d0f45303404142434445464748494a4bdb71385c7acd7e44b55257e737061d605f"
        "2db5aaa319bf0f912f0ed5744d2a4c34cae2f5b952ce057addf62c5d6257c0741256281cc3");
}

TEST_CASE("a frame of the local network survives the way, its signature is its sender's") {
  const auto said = read(announced());
  auto expected = an_announcement();
  expected.sig = said.sig;
  CHECK(said == expected);
  CHECK(is_signed(said, keys));
  CHECK_FALSE(is_signed(said, other_party));
  auto altered = said;
  ++altered.counter;
  CHECK_FALSE(is_signed(altered, keys));
  const auto letter = decode_lan(encode(a_letter(), keys, fixed), keys).value();
  CHECK(std::get<lan_letter>(letter) == a_letter());
}

TEST_CASE("an announcement is always as long, whomever it echoes") {
  auto frame = an_announcement();
  std::set<std::size_t> sizes;
  for (std::size_t count = 0; count <= lan_echoes_max; ++count) {
    frame.echoes.assign(count, {hash_of(bob_key), {}, 1, false});
    const auto sealed = encode(frame, keys, sign_key_of(alice), fixed);
    CHECK(read(sealed).echoes.size() == count);
    sizes.insert(sealed.size());
  }
  CHECK(sizes.size() == 1);
  frame.echoes.resize(lan_echoes_max + 1);
  CHECK_THROWS_AS(encode(frame, keys, sign_key_of(alice), fixed), std::length_error);
}

TEST_CASE("only the party knows its frames") {
  const auto frame = announced();
  CHECK(is_of_party(frame, keys));
  CHECK_FALSE(is_of_party(frame, other_party));
  CHECK(decode_lan(frame, other_party).error().code == errc::bad_signature);
  // Neither the party nor the member shows, and no two frames have an octet run in common.
  const auto text = to_hex(frame);
  for (const auto& secret : {to_hex(keys.party.view()), to_hex(alice_key.view()),
                             to_hex(hash_of(alice_key).view()), to_hex(hash_of(bob_key).view())})
    CHECK(text.find(secret) == std::string::npos);
  const auto again = to_hex(encode(an_announcement(), keys, sign_key_of(alice), os_random()));
  CHECK(again.substr(16, 16) != text.substr(16, 16)); // the tag
}

TEST_CASE("an altered, cut or longer frame of the local network is refused") {
  for (const auto& frame : {announced(), encode(a_letter(), keys, fixed)}) {
    for (std::size_t i = 0; i < frame.size(); ++i) {
      auto altered = frame;
      altered[i] ^= 1;
      CHECK_FALSE(decode_lan(altered, keys).has_value());
      CHECK_FALSE(decode_lan(byte_view{frame}.first(i), keys).has_value());
    }
    auto longer = frame;
    longer.push_back(0);
    CHECK_FALSE(decode_lan(longer, keys).has_value());
  }
}

TEST_CASE("what is authentic but malformed is refused") {
  // As another implementation, or a member with bad intentions, might seal it.
  const auto sealed = [](std::uint8_t kind, byte_view plain) {
    byte_writer header;
    header.u32(0x4C4E5201).u8(kind).zeros(3);
    const auto body = seal(keys.seal, header.view(), plain, fixed);
    const auto mac = blake2s_mac(keys.tag.reveal(), {byte_view{body}.first(12)});
    byte_writer out;
    return out.raw(header.view()).raw(byte_view{mac.octets}.first(8)).raw(body).take();
  };
  const auto letter = [&](std::uint8_t kind, std::uint8_t part, std::uint8_t parts,
                          std::size_t octets, std::uint8_t unused = 0) {
    byte_writer plain;
    plain.zeros(24).u8(kind).u8(part).u8(parts).u8(unused).zeros(4).zeros(octets);
    return decode_lan(sealed(0x21, plain.view()), keys);
  };
  CHECK(letter(1, 0, 1, 1).has_value());
  CHECK(letter(1, 0, 2, lan_part_octets).has_value());
  CHECK(letter(0, 0, 1, 1).error().code == errc::bad_frame); // no such kind
  CHECK(letter(3, 0, 1, 1).error().code == errc::bad_frame);
  CHECK(letter(1, 1, 1, 1).error().code == errc::bad_frame); // no such part
  CHECK(letter(1, 0, 0, 1).error().code == errc::bad_frame);
  CHECK(letter(1, 0, lan_parts_max + 1, lan_part_octets).error().code == errc::bad_frame);
  CHECK(letter(1, 0, 1, 0).error().code == errc::bad_frame); // nothing in it
  CHECK(letter(1, 0, 2, 1).error().code == errc::bad_frame); // not the last, and short
  CHECK(letter(1, 0, 1, 1, 1).error().code == errc::bad_frame);
  CHECK(decode_lan(sealed(0x20, bytes(100)), keys).error().code == errc::bad_frame);
  CHECK(decode_lan(sealed(0x22, bytes(100)), keys).error().code == errc::bad_frame);
  bytes announcement(424);
  CHECK(decode_lan(sealed(0x20, announcement), keys).has_value());
  announcement[96] = lan_echoes_max + 1;
  CHECK(decode_lan(sealed(0x20, announcement), keys).error().code == errc::bad_frame);
  announcement[96] = 0;
  announcement[104] = 1; // an echo that is not counted
  CHECK(decode_lan(sealed(0x20, announcement), keys).error().code == errc::bad_frame);
  announcement[96] = 1;
  announcement[104 + 24] = 2; // an unknown flag
  CHECK(decode_lan(sealed(0x20, announcement), keys).error().code == errc::bad_frame);
}

TEST_CASE("a letter is cut into parts that fit, and one that is too long is not sent") {
  const auto cut = [](std::size_t octets) {
    return encode_letter(a_letter(), bytes(octets, 0x55), keys, os_random());
  };
  CHECK(cut(0).empty());
  CHECK(cut(1).size() == 1);
  CHECK(cut(lan_part_octets).size() == 1);
  CHECK(cut(lan_part_octets + 1).size() == 2);
  CHECK(cut(lan_letter_octets_max).size() == lan_parts_max);
  CHECK(cut(lan_letter_octets_max + 1).empty());
  bytes together;
  for (const auto& frame : cut(lan_part_octets + 1)) {
    CHECK(frame.size() <= lan_frame_max);
    const auto part = std::get<lan_letter>(decode_lan(frame, keys).value());
    CHECK(part.parts == 2);
    together.insert(together.end(), part.octets.begin(), part.octets.end());
  }
  CHECK(together == bytes(lan_part_octets + 1, 0x55));
}
