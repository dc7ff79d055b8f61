#include "net/control/registry.hpp"
#include "tests/net/control/registry_bench.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using on_bench::bench;
using on_bench::generous;

namespace {

const test::test_party party;
const test::test_party other{"other"};
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};
const test::test_member bob_anew{"bob", 77};

/// Bob's next key logs in, with the word of the old one.
session_id rotate(bench& b, std::vector<membership> parties, const test::test_member& from = bob,
                  const test::test_member& to = bob_anew) {
  const session_id id{++b.last};
  const auto binding = b.binding(id.value);
  const auto request = make_login({from.key, to.key}, public_key(b.login_key), binding, parties);
  b.perform(b.reg.opened(id, *request, binding, b.at));
  return id;
}

} // namespace

TEST_CASE("the next key gets name, lease and parties of the old one, whose session ends") {
  bench b;
  const auto a = b.in(alice);
  const auto old = b.login(bob, {bob.in(party), bob.in(other, true)});
  b.publish(old, bob, 1);
  const auto address = b.reg.lease_of(bob.pub);
  b.got<record_changed>(a);
  CHECK(b.got<welcome>(old)[0].rotates);

  const auto in = rotate(b, {bob_anew.in(party), bob_anew.in(other)});
  const auto hello = b.got<welcome>(in);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].refused.empty());
  CHECK(hello[0].parties.size() == 2);
  CHECK(hello[0].parties[0].address == address);
  CHECK(b.reg.lease_of(bob_anew.pub) == address);
  CHECK(!b.reg.lease_of(bob.pub));
  CHECK(b.ended.at(old.value).code == errc::closed);
  CHECK(b.reg.members() == 2);
  const auto gone = b.got<member_gone>(a);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].key == bob.pub);
  CHECK(b.got<presence_changed>(a).empty());

  b.publish(in, bob_anew, 2);
  const auto news = b.got<record_changed>(a);
  REQUIRE(news.size() == 1);
  CHECK(news[0].record.key == bob_anew.pub);
  CHECK(news[0].record.id == bob.id);
  // The old key is a newcomer, and its name taken.
  CHECK(b.refused.at(b.login(bob, {bob.in(party)}).value).code == errc::name_taken);
}

TEST_CASE("saying it again changes nothing, also over a restart of the server") {
  bench b;
  b.in(alice);
  b.login(bob, {bob.in(party)});
  rotate(b, {bob_anew.in(party)});
  const auto address = b.reg.lease_of(bob_anew.pub);
  bench after{generous(), b.stored()};
  CHECK(after.reg.lease_of(bob_anew.pub) == address);
  CHECK(!after.reg.lease_of(bob.pub));
  const auto a = after.in(alice);
  const auto again = rotate(after, {bob_anew.in(party)});
  CHECK(after.got<welcome>(again).size() == 1);
  CHECK(after.got<member_gone>(a).empty());
  CHECK(after.reg.members() == 2);
  const auto done = rotate(after, {bob_anew.in(party)});
  CHECK(after.ended.contains(again.value));
  CHECK(!after.refused.contains(done.value));
}

TEST_CASE("a server that went back to before the change makes it again") {
  bench b;
  b.in(alice);
  b.login(bob, {bob.in(party)});
  const auto then = b.stored();
  rotate(b, {bob_anew.in(party)});
  bench back{generous(), then};
  REQUIRE(back.reg.lease_of(bob.pub));
  const auto in = rotate(back, {bob_anew.in(party)});
  CHECK(back.got<welcome>(in)[0].refused.empty());
  CHECK(!back.reg.lease_of(bob.pub));
}

TEST_CASE("nobody's key is replaced without its word on this very connection") {
  bench b;
  b.in(alice);
  b.login(bob, {bob.in(party)});
  const auto binding = b.binding(50);
  const auto line = public_key(b.login_key);
  const auto refusal = [&](std::uint64_t session, const login& request) {
    b.perform(b.reg.opened({session}, request, binding, b.at));
    return b.refused.at(session).code;
  };
  const std::vector parties{bob_anew.in(party)};
  // Mallory's word for her key, as if it were Bob's.
  const test::test_member mallory{"mallory"};
  auto request = *make_login({mallory.key, bob_anew.key}, line, binding, parties);
  request.replaces->key = bob.pub;
  CHECK(refusal(50, request) == errc::bad_login);
  // Bob's word, but overheard on another connection, or for another key.
  request = *make_login({bob.key, bob_anew.key}, line, b.binding(49), parties);
  auto mixed = *make_login(bob_anew.key, line, binding, parties);
  mixed.replaces = request.replaces;
  CHECK(refusal(51, mixed) == errc::bad_login);
  mixed = *make_login({bob.key, bob_anew.key}, line, binding, {});
  request = *make_login(mallory.key, line, binding, std::vector{mallory.in(party)});
  request.replaces = mixed.replaces;
  CHECK(refusal(52, request) == errc::bad_login);
  // Bob's word for a key whose owner is not here.
  mixed.mac[0] ^= 1;
  CHECK(refusal(53, mixed) == errc::bad_login);
  CHECK(refusal(54, *make_login({bob.key, bob.key}, line, binding, {})) == errc::bad_login);
  // A low-order key (all zeros) makes a shared secret that everybody knows.
  request.replaces->key = wg_public_key{};
  CHECK(refusal(55, request) == errc::bad_login);
  CHECK(b.reg.lease_of(bob.pub));
  CHECK(!b.reg.lease_of(bob_anew.pub));
  CHECK(!b.reg.lease_of(mallory.pub));
}

TEST_CASE("a key that is a member already takes nobody's place") {
  bench b;
  b.in(alice);
  b.login(bob, {bob.in(party)});
  const test::test_member carol{"carol"};
  b.login(carol, {carol.in(party)});
  const auto in = rotate(b, {carol.in(party)}, bob, carol);
  CHECK(b.got<welcome>(in).size() == 1);
  CHECK(b.reg.lease_of(bob.pub) == virtual_ip::derive(bob.id, 0));
  CHECK(b.reg.lease_of(carol.pub) == virtual_ip::derive(carol.id, 0));
}

TEST_CASE("who is told that its key was taken knows it, whatever else is refused") {
  bench b;
  b.in(alice);
  b.login(bob, {bob.in(party)});
  auto wrong = bob_anew.in(party);
  wrong.verifier = verifier_of(other.secret);
  const auto in = rotate(b, {wrong});
  CHECK(!b.refused.contains(in.value));
  const auto hello = b.got<welcome>(in);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].refused[0].why.code == errc::wrong_secret);
  CHECK(b.reg.lease_of(bob_anew.pub));
}

TEST_CASE("a full server lets a member replace its key") {
  auto tight = generous();
  tight.sessions = 2;
  bench b{tight};
  b.in(alice);
  b.login(bob, {bob.in(party)});
  CHECK(!b.refused.contains(rotate(b, {bob_anew.in(party)}).value));
  CHECK(b.reg.sessions() == 2);
}
