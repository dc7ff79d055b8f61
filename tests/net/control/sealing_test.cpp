#include "net/control/sealing.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;

namespace {

const test::test_party party;
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};
const test::test_member eve{"eve"};

errc why_not(const sealed_record& envelope, const test::test_party& in = party) {
  const auto opened = open_record(envelope, in.id, in.secret);
  REQUIRE(!opened);
  return opened.error().code;
}

peer_signal some_signal() {
  peer_signal out;
  out.kind = signal_kind::punch;
  out.sequence = 1'769'688'000'123;
  out.epoch = 4'000'000'000;
  out.ready = true;
  out.candidates = alice.record(party, 1).candidates;
  out.relays = alice.record(party, 1).relays;
  out.control_delay = std::chrono::microseconds{15'000};
  out.start_after = std::chrono::microseconds{20'001};
  return out;
}

} // namespace

TEST_CASE("a record carries the word of the key before, and only for this key it holds") {
  const test::test_member anew{"alice", 99};
  auto record = anew.record(party, 42);
  record.replaces = succeed(alice.key, anew.key);
  const auto opened = open_record(anew.envelope(record, party), party.id, party.secret);
  REQUIRE(opened);
  CHECK(*opened == record);
  const auto alices = public_key(sign_key_of(alice.key));
  CHECK(succeeds(*opened, alices));
  CHECK(!succeeds(*opened, public_key(sign_key_of(bob.key))));
  auto other = *opened;
  other.key = eve.pub;
  CHECK(!succeeds(other, alices));
  other = *opened;
  other.sign_key = public_key(sign_key_of(eve.key));
  CHECK(!succeeds(other, alices));
  other = *opened;
  other.replaces->key = bob.pub;
  CHECK(!succeeds(other, alices));
  CHECK(!succeeds(alice.record(party, 42), alices));
}

TEST_CASE("a sealed record opens to exactly what was sealed") {
  const auto record = alice.record(party, 42);
  const auto opened = open_record(alice.envelope(record, party), party.id, party.secret);
  REQUIRE(opened);
  CHECK(*opened == record);
}

TEST_CASE("a record altered in any octet does not open") {
  auto envelope = alice.envelope(alice.record(party, 42), party);
  for (std::size_t i = 0; i < envelope.sealed.size(); i += 7) {
    auto altered = envelope;
    altered.sealed[i] ^= 1;
    CHECK(why_not(altered) == errc::bad_signature);
  }
  envelope.sealed.resize(20);
  CHECK(why_not(envelope) == errc::bad_signature);
  envelope.sealed.clear();
  CHECK(why_not(envelope) == errc::bad_signature);
}

TEST_CASE("a record opens in its own party only") {
  const test::test_party other{"other"};
  auto record = alice.record(party, 42);
  CHECK(why_not(alice.envelope(record, party), other) == errc::bad_signature);
  // Sealed with the right secret, but signed for another party.
  record.party = other.id;
  auto envelope = alice.envelope(record, party);
  CHECK(why_not(envelope) == errc::bad_signature);
}

TEST_CASE("a server cannot relabel a record: key, name and version are the signed ones") {
  const auto good = alice.envelope(alice.record(party, 42), party);
  auto moved = good;
  moved.key = bob.pub;
  CHECK(why_not(moved) == errc::bad_signature);
  auto renamed = good;
  renamed.id = bob.id;
  CHECK(why_not(renamed) == errc::bad_signature);
  auto older = good;
  older.version = 41;
  CHECK(why_not(older) == errc::bad_signature);
}

TEST_CASE("a member of the party cannot sign for another") {
  // Eve knows the party secret: she seals a record of Alice, signed with her own key.
  auto record = alice.record(party, 42);
  const sealed_record forged{alice.pub, alice.id, 42, true, eve.seal(record, party)};
  CHECK(why_not(forged) == errc::bad_signature);
}

TEST_CASE("a record with impossible contents is refused although it is authentic") {
  auto record = alice.record(party, 42, *virtual_ip::parse("10.66.3.1"));
  CHECK(why_not(alice.envelope(record, party)) == errc::bad_message);
  record = alice.record(party, 42);
  record.candidates.resize(candidates_max + 1, record.candidates[0]);
  CHECK(why_not(alice.envelope(record, party)) == errc::bad_message);
  record = alice.record(party, 42);
  record.candidates[0].address.port = 0;
  CHECK(why_not(alice.envelope(record, party)) == errc::bad_message);
}

TEST_CASE("a signal may offer birthday probing, at an IPv4 address") {
  auto signal = some_signal();
  signal.birthday = birthday_offer{true, *endpoint::parse("198.51.100.7:40001"), 7, 4'294'967'295};
  const auto read = [&] {
    const auto sealed = signal_box{alice.key}.seal(signal, party.id, bob.pub, os_random());
    REQUIRE(sealed);
    return signal_box{bob.key}.open(*sealed, party.id, alice.pub);
  };
  REQUIRE(read());
  CHECK(*read() == signal);
  signal.birthday->seen = *endpoint::parse("[2001:db8::1]:40001");
  CHECK(read().error().code == errc::bad_message);
  signal.birthday.reset();
  CHECK(*read() == signal);
}

TEST_CASE("a sealed signal opens for its receiver, in its party and direction only") {
  const auto signal = some_signal();
  const auto sealed = signal_box{alice.key}.seal(signal, party.id, bob.pub, os_random());
  REQUIRE(sealed);
  const auto opened = signal_box{bob.key}.open(*sealed, party.id, alice.pub);
  REQUIRE(opened);
  CHECK(*opened == signal);

  const auto refused = [&](const party_id& in, const wg_private_key& own,
                           const wg_public_key& from) {
    return signal_box{own}.open(*sealed, in, from).error().code == errc::bad_signature;
  };
  CHECK(refused(party.id, eve.key, alice.pub));
  CHECK(refused(party.id, bob.key, eve.pub));
  CHECK(refused(party.id, alice.key, bob.pub)); // reflected to its sender
  CHECK(refused(test::test_party{"other"}.id, bob.key, alice.pub));
  auto altered = *sealed;
  altered.back() ^= 1;
  CHECK(!signal_box{bob.key}.open(altered, party.id, alice.pub));
}

TEST_CASE("a box with more keys than it keeps goes on with all of them") {
  signal_box from_alice{alice.key}, of_bob{bob.key};
  const auto signal = some_signal();
  const auto before = from_alice.seal(signal, party.id, bob.pub, os_random());
  REQUIRE(before);
  const bytes nothing;
  for (std::size_t i = 0; i < signal_box::keys_max + 1; ++i) {
    wg_public_key stranger = eve.pub;
    stranger.octets[0] = static_cast<std::uint8_t>(i);
    stranger.octets[1] = static_cast<std::uint8_t>(i >> 8);
    CHECK(!of_bob.open(nothing, party.id, stranger));
  }
  const auto opened = of_bob.open(*before, party.id, alice.pub);
  REQUIRE(opened);
  CHECK(*opened == signal);
  CHECK(!from_alice.seal(signal, party.id, wg_public_key{}, os_random())); // no usable key
}
