#include "net/crypto.hpp"
#include "net/frames.hpp"
#include "tests/net/octets.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::test;

namespace {
const auto alice_key = opaque_of<wg_public_key>(alice_public);
const auto bob_key = opaque_of<wg_public_key>(bob_public);
const auto shared_probe =
    probe_key(wg_private_key::from(hex(alice_private)).value(), bob_key).value();
const auto shared_relay = relay_key(wg_private_key::from(hex(alice_private)).value(),
                                    opaque_of<relay_public_key>(bob_public))
                              .value();
const shared_key stranger_key{counting<32>()};
const auto somewhere = *endpoint::parse("203.0.113.42:51820");
constexpr std::uint64_t some_time = 1'700'000'000'000;

probe a_probe() {
  probe frame;
  frame.ready = frame.nominate = true;
  frame.from = hash_of(alice_key);
  frame.to = hash_of(bob_key);
  frame.transaction = counting<12>(0xa0);
  frame.epoch = 7;
  frame.padding = 10;
  return frame;
}

probe an_answer() {
  auto frame = a_probe();
  std::swap(frame.from, frame.to);
  frame.answer = true;
  frame.nominate = false;
  frame.padding = 0;
  frame.observed = somewhere;
  return frame;
}

route_claim a_route() {
  return {opaque_of<session_index>("80956b66"), hash_of(bob_key)};
}

registration a_registration() {
  registration frame;
  frame.member = alice_key;
  frame.value = cookie{counting<16>()};
  frame.timestamp = some_time;
  frame.tokens = {bytes(relay_token_octets)};
  frame.routes = {a_route()};
  return frame;
}

registered a_registered() {
  return {some_time, std::chrono::seconds{300}, somewhere, {a_route()}};
}

refused a_refusal() {
  return {refusal::unknown_index, {0x80, 0x95, 0x6b, 0x66}, cookie{counting<16>()}, false};
}

/// Every proper prefix, and the frame with one octet more, must be refused.
template <class Decode>
void only_whole(const bytes& frame, Decode decode) {
  for (std::size_t size = 0; size < frame.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decode(byte_view{frame}.first(size)).has_value());
  }
  auto longer = frame;
  longer.push_back(0);
  CHECK_FALSE(decode(byte_view{longer}).has_value());
}

/// Every flipped bit must be refused.
template <class Decode>
void only_unaltered(const bytes& frame, Decode decode) {
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    auto altered = frame;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    CAPTURE(bit / 8, bit % 8);
    CHECK_FALSE(decode(byte_view{altered}).has_value());
  }
}

template <class Decode>
void guarded(const bytes& frame, Decode decode) {
  REQUIRE(decode(byte_view{frame}).has_value());
  only_whole(frame, decode);
  only_unaltered(frame, decode);
}
} // namespace

TEST_CASE("frames match the vectors of the wire format") {
  CHECK(to_hex(encode(a_probe(), shared_probe)) ==
        "4c4e520101030000338d12a58128e9dfba404e236f636d3da0a1a2a3a4a5a6a7a8a9aaab00000007"
        "00000000000000000000000000000000000000000000000000000000675d2f5c1ae41133dbf0c40bfca6eff0");
  CHECK(to_hex(encode(an_answer(), shared_probe)) ==
        "4c4e520102010000ba404e236f636d3d338d12a58128e9dfa0a1a2a3a4a5a6a7a8a9aaab00000007"
        "00000000000000000000ffffcb00712aca6c478dcc2f8a9a08f5c4f1372847e92d51");
  CHECK(to_hex(encode(a_registration(), shared_relay)) ==
        "4c4e520112000000" + std::string{alice_public} + "000102030405060708090a0b0c0d0e0f" +
            "0000018bcfe5680001" + std::string(2 * relay_token_octets, '0') +
            "000180956b66ba404e236f636d3dd9acc3010abd751323562f8b63900697");
  CHECK(to_hex(encode(a_registered(), shared_relay)) ==
        "4c4e5201130000000000018bcfe56800012c000100000000000000000000ffffcb00712aca6c80956b66"
        "ba404e236f636d3dbb680eec44280757450c20b57e35e028");
  CHECK(to_hex(encode(a_refusal(), &shared_relay)) ==
        "4c4e5201140000000200000080956b66000102030405060708090a0b0c0d0e0f"
        "a4cfa85b740f3483b797989df602b865");
  CHECK(to_hex(encode(a_refusal(), nullptr)) == "4c4e5201140000000200000080956b66");
  CHECK(to_hex(encode(relay_ping{false, hash_of(alice_key), 99, 250}, shared_relay)) ==
        "4c4e520115000000338d12a58128e9df00000000000000630000e43509547f1112c9c68cf97dfafa3468");
  CHECK(to_hex(encode(relay_ping{true, hash_of(alice_key), 99, 250}, shared_relay)) ==
        "4c4e520116000000338d12a58128e9df000000000000006300fa7371d17f13002a676f52989c4605111e");
  CHECK(to_hex(encode(bye{alice_key, some_time}, shared_relay)) ==
        "4c4e520117000000" + std::string{alice_public} +
            "0000018bcfe568005225782db8926a7ad58f48b437afd736");
  CHECK(to_hex(encode(hello{alice_key})) ==
        "4c4e520110000000" + std::string{alice_public} + std::string(64, '0'));
  CHECK(to_hex(encode(challenge{cookie{counting<16>()}, some_time})) ==
        "4c4e520111000000000102030405060708090a0b0c0d0e0f0000018bcfe56800");
}

TEST_CASE("a probe reads back as it was sent, by the receiver's own key") {
  const auto bobs = probe_key(wg_private_key::from(hex(bob_private)).value(), alice_key).value();
  const auto sent = encode(a_probe(), shared_probe);
  const auto header = peek_probe(sent);
  REQUIRE(header);
  CHECK(header->from == hash_of(alice_key));
  CHECK(header->to == hash_of(bob_key));
  const auto read = decode_probe(sent, bobs);
  REQUIRE(read.has_value());
  CHECK_FALSE(read->answer);
  CHECK(read->ready);
  CHECK(read->nominate);
  CHECK(read->from == hash_of(alice_key));
  CHECK(read->to == hash_of(bob_key));
  CHECK(read->transaction == counting<12>(0xa0));
  CHECK(read->epoch == 7);
  CHECK(read->padding == 10);
  CHECK_FALSE(read->observed.valid());
}

TEST_CASE("an answer tells where its probe came from and is as small as a probe can be") {
  const auto sent = encode(an_answer(), shared_probe);
  CHECK(sent.size() == probe_octets);
  CHECK(sent.size() <= encode(a_probe(), shared_probe).size());
  const auto read = decode_probe(sent, shared_probe);
  REQUIRE(read.has_value());
  CHECK(read->answer);
  CHECK(read->ready);
  CHECK_FALSE(read->nominate);
  CHECK(read->observed == somewhere);
}

TEST_CASE("a probe altered, cut off or made with another key is refused") {
  const auto decode = [](byte_view frame) { return decode_probe(frame, shared_probe); };
  guarded(encode(a_probe(), shared_probe), decode);
  guarded(encode(an_answer(), shared_probe), decode);
  const auto forged = decode_probe(encode(a_probe(), stranger_key), shared_probe);
  CHECK(forged.error().code == errc::bad_signature);
  CHECK(decode_probe(bytes(3), shared_probe).error().code == errc::bad_frame);
}

TEST_CASE("a rightly signed probe with forbidden contents is malformed") {
  const auto resigned = [](std::size_t at, std::uint8_t value, const probe& frame) {
    auto raw = encode(frame, shared_probe);
    raw.resize(raw.size() - mac16::size);
    raw[at] = value;
    const auto mac = blake2s_mac(shared_probe.reveal(), {raw});
    raw.insert(raw.end(), mac.octets.begin(), mac.octets.end());
    return decode_probe(raw, shared_probe);
  };
  CHECK(resigned(5, 3, a_probe()).has_value());
  CHECK(resigned(5, 4, a_probe()).error().code == errc::bad_frame);   // unknown flag
  CHECK(resigned(6, 1, a_probe()).error().code == errc::bad_frame);   // reserved
  CHECK(resigned(40, 1, a_probe()).error().code == errc::bad_frame);  // observed in a probe
  CHECK(resigned(58, 1, a_probe()).error().code == errc::bad_frame);  // first padding octet
  CHECK(resigned(67, 1, a_probe()).error().code == errc::bad_frame);  // last padding octet
  CHECK(resigned(4, 2, a_probe()).error().code == errc::bad_frame);   // an answer with padding
  CHECK(resigned(4, 3, an_answer()).error().code == errc::bad_frame); // no such kind
}

TEST_CASE("padding fills a probe up to the largest frame and not beyond") {
  auto frame = a_probe();
  frame.padding = frame_size_max - probe_octets;
  const auto sent = encode(frame, shared_probe);
  CHECK(sent.size() == frame_size_max);
  CHECK(decode_probe(sent, shared_probe)->padding == frame.padding);
  ++frame.padding;
  CHECK_THROWS_AS(encode(frame, shared_probe), std::length_error);
}

TEST_CASE("hello and challenge read back and are refused when malformed") {
  const auto greeting = encode(hello{alice_key});
  CHECK(decode_hello(greeting)->member == alice_key);
  only_whole(greeting, decode_hello);
  auto padded = greeting;
  padded.back() = 1;
  CHECK(decode_hello(padded).error().code == errc::bad_frame);
  const auto answer = encode(challenge{cookie{counting<16>()}, some_time});
  CHECK(decode_challenge(answer)->value == cookie{counting<16>()});
  CHECK(decode_challenge(answer)->time_unix_ms == some_time);
  only_whole(answer, decode_challenge);
  CHECK(answer.size() < greeting.size());         // a stranger gets less than it sent
  for (std::size_t bit = 0; bit < 8 * 8; ++bit) { // the header has no freedom
    auto altered = greeting;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    CHECK_FALSE(decode_hello(altered).has_value());
  }
}

TEST_CASE("a registration reads back before its MAC is checked") {
  const auto sent = encode(a_registration(), shared_relay);
  const auto read = decode_registration(sent);
  REQUIRE(read.has_value());
  CHECK(read->member == alice_key);
  CHECK(read->value == cookie{counting<16>()});
  CHECK(read->timestamp == some_time);
  CHECK(read->tokens == a_registration().tokens);
  CHECK(read->routes == a_registration().routes);
  CHECK(verify_frame(sent, shared_relay));
  CHECK_FALSE(verify_frame(sent, stranger_key));
  guarded(sent, [](byte_view frame) {
    auto decoded = decode_registration(frame);
    if (decoded && !verify_frame(frame, shared_relay)) decoded = fail(errc::bad_signature);
    return decoded;
  });
}

TEST_CASE("a registration holds its bounds of tokens and routes, and both fit one frame") {
  auto frame = a_registration();
  frame.tokens.assign(tokens_per_frame_max, bytes(relay_token_octets, 1));
  frame.routes.assign(routes_per_frame_max, a_route());
  const auto sent = encode(frame, shared_relay);
  CHECK(sent.size() <= frame_size_max);
  CHECK(decode_registration(sent)->routes.size() == routes_per_frame_max);
  CHECK(decode_registration(sent)->tokens.size() == tokens_per_frame_max);
  auto routes = frame;
  routes.routes.push_back(a_route());
  CHECK_THROWS_AS(encode(routes, shared_relay), std::length_error);
  auto tokens = frame;
  tokens.tokens.emplace_back(relay_token_octets);
  CHECK_THROWS_AS(encode(tokens, shared_relay), std::length_error);
  frame.tokens.front().pop_back();
  CHECK_THROWS_AS(encode(frame, shared_relay), std::length_error);
}

TEST_CASE("a registration without tokens and routes is the renewal") {
  registration frame;
  frame.member = alice_key;
  const auto sent = encode(frame, shared_relay);
  CHECK(sent.size() == 8 + 32 + 16 + 8 + 1 + 2 + 16);
  CHECK(decode_registration(sent)->tokens.empty());
  CHECK(decode_registration(sent)->routes.empty());
}

TEST_CASE("what the relay confirms reads back, altered it does not") {
  const auto sent = encode(a_registered(), shared_relay);
  const auto decode = [](byte_view frame) { return decode_registered(frame, shared_relay); };
  guarded(sent, decode);
  const auto read = decode(sent);
  CHECK(read->timestamp == some_time);
  CHECK(read->lifetime == std::chrono::seconds{300});
  CHECK(read->observed == somewhere);
  CHECK(read->routes == a_registered().routes);
  auto frame = a_registered();
  frame.lifetime = std::chrono::seconds{65536};
  CHECK_THROWS_AS(encode(frame, shared_relay), std::length_error);
  frame = a_registered();
  frame.routes.assign(routes_per_frame_max, a_route());
  CHECK(decode(encode(frame, shared_relay))->routes.size() == routes_per_frame_max);
}

TEST_CASE("a refusal to a member is authentic, one to a stranger is not") {
  const auto decode = [](byte_view frame) { return decode_refused(frame, shared_relay); };
  const auto member = encode(a_refusal(), &shared_relay);
  guarded(member, [&](byte_view frame) {
    // Cut to 16 octets it is the stranger's form: readable, never authentic.
    auto read = decode(frame);
    if (read && !read->authentic) read = fail(errc::bad_frame);
    return read;
  });
  const auto read = decode(member);
  CHECK(read->code == refusal::unknown_index);
  CHECK(read->argument == a_refusal().argument);
  CHECK(read->value == cookie{counting<16>()});
  CHECK(read->authentic);

  const auto stranger = encode(a_refusal(), nullptr);
  CHECK(stranger.size() == 16);
  only_whole(stranger, decode);
  CHECK_FALSE(decode(stranger)->authentic);
  CHECK_FALSE(decode(stranger)->value);
  for (const int code : {0, 7, 255}) {
    auto unknown = stranger;
    unknown[8] = static_cast<std::uint8_t>(code);
    CHECK(decode(unknown).error().code == errc::bad_frame);
  }
}

TEST_CASE("pings, pongs and byes read back, altered they do not") {
  const auto checked = [](auto decode) {
    return [decode](byte_view frame) {
      auto read = decode(frame);
      if (read && !verify_frame(frame, shared_relay)) read = fail(errc::bad_signature);
      return read;
    };
  };
  const auto ping = encode(relay_ping{false, hash_of(alice_key), 99, 0}, shared_relay);
  const auto pong = encode(relay_ping{true, hash_of(alice_key), 99, 250}, shared_relay);
  guarded(ping, checked(decode_ping));
  guarded(pong, checked(decode_ping));
  CHECK(ping.size() == pong.size());
  CHECK_FALSE(decode_ping(ping)->answer);
  CHECK(decode_ping(pong)->answer);
  CHECK(decode_ping(pong)->nonce == 99);
  CHECK(decode_ping(pong)->load == 250);
  CHECK(decode_ping(pong)->from == hash_of(alice_key));
  const auto leave = encode(bye{alice_key, some_time}, shared_relay);
  guarded(leave, checked(decode_bye));
  CHECK(decode_bye(leave)->member == alice_key);
  CHECK(decode_bye(leave)->timestamp == some_time);
}

TEST_CASE("a token verifies only whole, unaltered and by its signer") {
  const token_private_key control{counting<32>()};
  relay_token token;
  token.member = alice_key;
  token.party = opaque_of<party_id>("000102030405060708090a0b0c0d0e0f");
  token.relay = opaque_of<relay_id>("7de4316ee6938221");
  token.expires_unix_s = 1'800'000'000;
  token.rate_kbit_s = 5;
  const auto raw = encode(sign(token, control));
  CHECK(raw.size() == relay_token_octets);
  const auto decode = [&](byte_view octets) { return decode_token(octets, public_key(control)); };
  guarded(raw, decode);
  const auto read = decode(raw);
  CHECK(read->member == token.member);
  CHECK(read->party == token.party);
  CHECK(read->relay == token.relay);
  CHECK(read->expires_unix_s == token.expires_unix_s);
  CHECK(read->rate_kbit_s == token.rate_kbit_s);
  const token_private_key other{counting<32>(1)};
  CHECK(decode_token(raw, public_key(other)).error().code == errc::bad_signature);
  CHECK(read_token(raw)->expires_unix_s == token.expires_unix_s);
  CHECK(read_token(byte_view{raw}.first(131)).has_error());
}

TEST_CASE("no kind of frame decodes as another") {
  const bytes all[] = {
      encode(a_probe(), shared_probe),
      encode(hello{alice_key}),
      encode(challenge{}),
      encode(a_registration(), shared_relay),
      encode(a_registered(), shared_relay),
      encode(a_refusal(), &shared_relay),
      encode(relay_ping{}, shared_relay),
      encode(bye{}, shared_relay),
  };
  for (std::size_t i = 0; i < std::size(all); ++i) {
    CAPTURE(i);
    const byte_view frame = all[i];
    CHECK(peek_probe(frame).has_value() == (i == 0));
    CHECK(decode_hello(frame).has_value() == (i == 1));
    CHECK(decode_challenge(frame).has_value() == (i == 2));
    CHECK(decode_registration(frame).has_value() == (i == 3));
    CHECK(decode_registered(frame, shared_relay).has_value() == (i == 4));
    CHECK(decode_refused(frame, shared_relay).has_value() == (i == 5));
    CHECK(decode_ping(frame).has_value() == (i == 6));
    CHECK(decode_bye(frame).has_value() == (i == 7));
    CHECK(classify(frame) == (i == 0 ? datagram_class::probe : datagram_class::relay));
  }
}

TEST_CASE("datagrams are told apart by their first eight octets") {
  const auto of = [](std::string_view text) { return classify(hex(text)); };
  CHECK(of("") == datagram_class::other);
  CHECK(of("01000000ffffff") == datagram_class::other);
  CHECK(of("01000000ffffffff") == datagram_class::wireguard);
  CHECK(of("04000000ffffffff") == datagram_class::wireguard);
  CHECK(of("05000000ffffffff") == datagram_class::other);
  CHECK(of("00000000ffffffff") == datagram_class::other);
  CHECK(of("01000001ffffffff") == datagram_class::other);
  CHECK(of("010000002112a442") == datagram_class::wireguard);
  CHECK(of("000100002112a442") == datagram_class::stun);
  CHECK(of("010100002112a442") == datagram_class::stun);
  CHECK(of("011100002112a442") == datagram_class::stun);
  CHECK(of("000200002112a442") == datagram_class::other);
  CHECK(of("000100002112a443") == datagram_class::other);
  CHECK(of("4c4e520101000000") == datagram_class::probe);
  CHECK(of("4c4e520102000000") == datagram_class::probe);
  CHECK(of("4c4e520103000000") == datagram_class::probe);
  CHECK(of("4c4e520104000000") == datagram_class::probe);
  CHECK(of("4c4e520105000000") == datagram_class::other);
  CHECK(of("4c4e52010f000000") == datagram_class::other);
  CHECK(of("4c4e520110000000") == datagram_class::relay);
  CHECK(of("4c4e520117000000") == datagram_class::relay);
  CHECK(of("4c4e520118000000") == datagram_class::other);
  CHECK(of("4c4e520201000000") == datagram_class::other);
  CHECK(kind_of(hex("4c4e520117000000")) == frame_kind::bye);
  CHECK_FALSE(kind_of(hex("4c4e520117")));
}
