#include "net/control/record_book.hpp"
#include "net/control/sealing.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using novelty = record_book::novelty;

namespace {

const test::test_party party;
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};

record_book fresh() {
  return {party.id, party.secret};
}
errc code_of(const result<novelty>& taken) {
  REQUIRE(!taken);
  return taken.error().code;
}

/// Alice's record, but signed by a key that is not hers; only her first contact could tell.
sealed_record signed_by_another(std::uint64_t version) {
  auto record = alice.record(party, version);
  const auto other = sign_key_of(bob.key);
  record.sign_key = public_key(other);
  return {alice.pub, alice.id, version, true,
          seal_record(record, other, party.secret, os_random())};
}

} // namespace

TEST_CASE("a record is found by key and by name, and the same one again is no news") {
  auto book = fresh();
  const auto envelope = alice.envelope(alice.record(party, 5), party);
  CHECK(*book.accept(envelope) == novelty::changed);
  CHECK(*book.accept(envelope) == novelty::unchanged);
  REQUIRE(book.find(alice.id) != nullptr);
  CHECK(book.find(alice.id)->record == alice.record(party, 5));
  CHECK(book.find(alice.pub)->online);
  CHECK(book.find(bob.id) == nullptr);
}

TEST_CASE("an older record is refused, also after its member was gone") {
  auto book = fresh();
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5), party)));
  CHECK(code_of(book.accept(alice.envelope(alice.record(party, 4), party))) == errc::stale_version);
  auto other = alice.record(party, 5);
  other.candidates.clear();
  CHECK(code_of(book.accept(alice.envelope(other, party))) == errc::stale_version);
  REQUIRE(book.forget(alice.pub));
  CHECK(code_of(book.accept(alice.envelope(alice.record(party, 4), party))) == errc::stale_version);
  CHECK(*book.accept(alice.envelope(alice.record(party, 6), party)) == novelty::changed);
}

TEST_CASE("the signature key first seen with a WireGuard key stays its only one") {
  auto book = fresh();
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5), party)));
  CHECK(code_of(book.accept(signed_by_another(6))) == errc::bad_signature);
  REQUIRE(book.forget(alice.pub));
  CHECK(code_of(book.accept(signed_by_another(7))) == errc::bad_signature);
  CHECK(book.find(alice.pub) == nullptr);
}

TEST_CASE(
    "a new key takes the place of the old one by its word, and the old one is refused since") {
  auto book = fresh();
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5), party)));
  const test::test_member anew{"alice", 99};
  auto record = anew.record(party, 6);
  record.replaces = succeed(alice.key, anew.key);
  SECTION("though the server did not say that the old one is gone") {}
  SECTION("when it said so before") {
    REQUIRE(book.forget(alice.pub));
  }
  CHECK(*book.accept(anew.envelope(record, party)) == novelty::changed);
  CHECK(book.find(alice.pub) == nullptr);
  CHECK(book.find(alice.id)->record.key == anew.pub);
  CHECK(book.replaced(alice.pub, anew.pub));
  CHECK(code_of(book.accept(alice.envelope(alice.record(party, 7), party))) == errc::bad_signature);
  // Even when the server says that the new one is gone.
  REQUIRE(book.forget(anew.pub));
  CHECK(code_of(book.accept(alice.envelope(alice.record(party, 8), party))) == errc::bad_signature);
  // And a thief of the old key is too late with another one.
  const test::test_member thief{"alice", 98};
  auto late = thief.record(party, 9);
  late.replaces = succeed(alice.key, thief.key);
  CHECK(code_of(book.accept(thief.envelope(late, party))) == errc::bad_signature);
  record.version = 7;
  CHECK(*book.accept(anew.envelope(record, party)) == novelty::changed);
}

TEST_CASE("nobody takes the place of a key that did not say so") {
  auto book = fresh();
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5), party)));
  const test::test_member mallory{"alice", 99};
  auto record = mallory.record(party, 6);
  // Without a word the name and the address are Alice's.
  CHECK(code_of(book.accept(mallory.envelope(record, party))) == errc::address_clash);
  record.replaces = succeed(bob.key, mallory.key);
  record.replaces->key = alice.pub;
  CHECK(code_of(book.accept(mallory.envelope(record, party))) == errc::bad_signature);
  // Alice's word for another key than the one that shows it.
  record.replaces = succeed(alice.key, bob.key);
  CHECK(code_of(book.accept(mallory.envelope(record, party))) == errc::bad_signature);
  // The word of a key that nobody knows proves nothing.
  record.replaces = succeed(bob.key, mallory.key);
  CHECK(code_of(book.accept(mallory.envelope(record, party))) == errc::address_clash);
  CHECK(book.find(alice.pub) != nullptr);
  CHECK(!book.replaced(alice.pub, mallory.pub));
}

TEST_CASE("of two members with one address or one name the earlier is kept") {
  auto book = fresh();
  const auto address = *virtual_ip::parse("10.66.9.9");
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5, address), party)));
  CHECK(code_of(book.accept(bob.envelope(bob.record(party, 5, address), party))) ==
        errc::address_clash);
  CHECK(book.find(bob.pub) == nullptr);
  CHECK(book.find(alice.pub)->record.address == address);

  const test::test_member second{"alice", 99};
  CHECK(code_of(book.accept(
            second.envelope(second.record(party, 5, *virtual_ip::parse("10.66.9.10")), party))) ==
        errc::name_taken);
}

TEST_CASE("a whole party replaces the book: who is missing is forgotten first") {
  auto book = fresh();
  const auto address = *virtual_ip::parse("10.66.9.9");
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5, address), party)));
  // Alice left while we were away and her address went to Bob: no clash.
  const auto refused = book.replace({bob.envelope(bob.record(party, 5, address), party)});
  CHECK(refused.empty());
  CHECK(book.find(alice.pub) == nullptr);
  CHECK(book.find(bob.pub)->record.address == address);
}

TEST_CASE("one refused record does not hide the others of a whole party") {
  auto book = fresh();
  auto broken = bob.envelope(bob.record(party, 5), party);
  broken.sealed.back() ^= 1;
  const auto refused = book.replace({broken, alice.envelope(alice.record(party, 5), party)});
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].envelope.key == bob.pub);
  CHECK(book.find(alice.pub) != nullptr);
}

TEST_CASE("a restored record pins key and version as a received one does") {
  auto book = fresh();
  book.restore(alice.record(party, 5));
  CHECK(!book.find(alice.pub)->online);
  CHECK(code_of(book.accept(alice.envelope(alice.record(party, 4), party))) == errc::stale_version);
  CHECK(code_of(book.accept(signed_by_another(6))) == errc::bad_signature);
  CHECK(*book.accept(alice.envelope(alice.record(party, 5), party)) == novelty::changed);
  CHECK(book.find(alice.pub)->online);
}

TEST_CASE("presence is news only when it changes") {
  auto book = fresh();
  REQUIRE(book.accept(alice.envelope(alice.record(party, 5), party)));
  CHECK(!book.set_online(alice.pub, true));
  CHECK(book.set_online(alice.pub, false));
  CHECK(!book.set_online(bob.pub, true));
}
