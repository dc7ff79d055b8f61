#include "net/control/registry.hpp"
#include "tests/net/control/registry_bench.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using namespace std::chrono_literals;
using on_bench::bench;
using on_bench::generous;
using on_bench::relay_named;

namespace {

const test::test_party party;
const test::test_party other{"other"};
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};
const test::test_member carol{"carol"};

/// Two names whose first candidate address is the same.
std::pair<std::string, std::string> colliding_names() {
  std::map<virtual_ip, std::string> seen;
  for (int i = 0;; ++i) {
    const auto name = "m" + std::to_string(i);
    const auto address = virtual_ip::derive(*peer_id::parse(name), 0);
    if (address.reserved()) continue;
    const auto [at, fresh] = seen.emplace(address, name);
    if (!fresh) return {at->second, name};
  }
}

} // namespace

TEST_CASE("the first member makes the party, the next sees its record and is seen") {
  bench b;
  const auto a = b.in(alice);
  const auto hello = b.got<welcome>(a);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].time_unix_ms == b.at.unix_ms);
  REQUIRE(hello[0].parties.size() == 1);
  CHECK(hello[0].parties[0].name == party.name);
  CHECK(hello[0].parties[0].address == virtual_ip::derive(alice.id, 0));
  CHECK(hello[0].relays == b.relays);
  b.publish(a, alice, 1);

  const auto c = b.login(bob, {bob.in(party)});
  const auto second = b.got<welcome>(c);
  REQUIRE(second.size() == 1);
  REQUIRE(second[0].parties[0].records.size() == 1);
  CHECK(second[0].parties[0].records[0] == sealed_record{alice.pub, alice.id, 1, true, {1}});
  CHECK(second[0].parties[0].complete);

  b.got<record_changed>(a);
  b.publish(c, bob, 4);
  const auto news = b.got<record_changed>(a);
  REQUIRE(news.size() == 1);
  CHECK(news[0].record == sealed_record{bob.pub, bob.id, 4, true, {4}});
  CHECK(b.got<record_changed>(c).empty());
}

TEST_CASE("a member's own record comes back to it with the welcome") {
  bench b;
  const auto a = b.in(alice);
  b.publish(a, alice, 1);
  b.perform(b.reg.closed(a, b.at));
  const auto again = b.got<welcome>(b.in(alice));
  REQUIRE(again[0].parties[0].records.size() == 1);
  CHECK(again[0].parties[0].records[0].key == alice.pub);
}

TEST_CASE("wrong secret, unknown party and taken name refuse a login that has nothing else") {
  bench b;
  b.in(alice);
  auto wrong = bob.in(party);
  wrong.verifier = verifier_of(other.secret);
  CHECK(b.refused.at(b.login(bob, {wrong}).value).code == errc::wrong_secret);
  CHECK(b.refused.at(b.login(bob, {bob.in(other)}).value).code == errc::party_not_found);
  const test::test_member second{"alice", 77};
  CHECK(b.refused.at(b.login(second, {second.in(party)}).value).code == errc::name_taken);
  CHECK(b.reg.sessions() == 1);
  CHECK(b.reg.members() == 1);
}

TEST_CASE("one refused party does not close the others") {
  bench b;
  b.in(alice);
  const auto c = b.login(bob, {bob.in(other), bob.in(party)});
  const auto hello = b.got<welcome>(c);
  REQUIRE(hello.size() == 1);
  REQUIRE(hello[0].refused.size() == 1);
  CHECK(hello[0].refused[0].party == other.id);
  CHECK(hello[0].refused[0].why.code == errc::party_not_found);
  CHECK(hello[0].parties.size() == 1);
}

TEST_CASE("a login proof of another connection or another key is refused") {
  bench b;
  const auto request = make_login(alice.key, public_key(b.login_key), b.binding(50), {});
  b.perform(b.reg.opened({51}, *request, b.binding(51), b.at));
  CHECK(b.refused.at(51).code == errc::bad_login);
  auto foreign = *request;
  foreign.key = bob.pub;
  b.perform(b.reg.opened({52}, foreign, b.binding(50), b.at));
  CHECK(b.refused.at(52).code == errc::bad_login);
  b.perform(b.reg.opened({53}, *request, b.binding(50), b.at));
  CHECK(!b.refused.contains(53));
}

TEST_CASE("a WireGuard key keeps the signature key it came with first") {
  bench b;
  b.in(alice);
  auto request = *make_login(alice.key, public_key(b.login_key), b.binding(60), {});
  request.sign_key = public_key(sign_key_of(bob.key));
  b.perform(b.reg.opened({60}, request, b.binding(60), b.at));
  CHECK(b.refused.at(60).code == errc::bad_login);
}

TEST_CASE("publishing needs membership, a free name and a rising version") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(bob, {bob.in(other, true)});
  b.publish(c, bob, 1);
  CHECK(b.refusal(c) == errc::not_a_member);
  b.publish(a, alice, 5);
  CHECK(b.got<request_refused>(a).empty());
  b.publish(a, alice, 5);
  CHECK(b.refusal(a) == errc::stale_version);
  b.publish(a, alice, 4);
  CHECK(b.refusal(a) == errc::stale_version);
  b.publish(a, alice, 6);
  CHECK(b.got<request_refused>(a).empty());

  b.say(c, make_join(bob.in(party), b.binding(c.value), bob.pub));
  CHECK(b.got<party_joined>(c).size() == 1);
  b.say(c, publish_request{party.id, alice.id, 1, {1}});
  CHECK(b.refusal(c) == errc::name_taken);
  b.say(c, publish_request{party.id, bob.id, 1, bytes(sealed_max + 1)});
  CHECK(b.refusal(c) == errc::message_too_large);
}

TEST_CASE("a member may take a free name, which frees its old one") {
  bench b;
  const auto a = b.in(alice);
  b.publish(a, alice, 1);
  b.say(a, publish_request{party.id, *peer_id::parse("laptop"), 2, {2}});
  CHECK(b.got<request_refused>(a).empty());
  const test::test_member second{"alice", 77};
  const auto c = b.login(second, {second.in(party)});
  const auto hello = b.got<welcome>(c);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].parties[0].records[0].id.str() == "laptop");
  // The lease belongs to the key: the second "alice" gets another address.
  CHECK(hello[0].parties[0].address != virtual_ip::derive(alice.id, 0));
}

TEST_CASE("signals reach a member of the party that is online, and nobody else") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(bob, {bob.in(party)});
  const auto d = b.login(carol, {carol.in(other, true)});
  b.say(a, signal_request{party.id, bob.pub, {1, 2}});
  const auto got = b.got<signal_arrived>(c);
  REQUIRE(got.size() == 1);
  CHECK(got[0].from == alice.pub);
  CHECK(got[0].sealed == bytes{1, 2});
  CHECK(b.got<signal_arrived>(d).empty());

  b.got<request_refused>(a);
  b.say(a, signal_request{party.id, carol.pub, {1}});
  CHECK(b.refusal(a) == errc::peer_not_found);
  b.say(d, signal_request{party.id, bob.pub, {1}});
  CHECK(b.refusal(d) == errc::not_a_member);
  b.perform(b.reg.closed(c, b.at));
  b.got<presence_changed>(a);
  b.say(a, signal_request{party.id, bob.pub, {1}});
  CHECK(b.refusal(a) == errc::peer_not_found);
}

TEST_CASE("presence is told when a member with a record comes and goes") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(bob, {bob.in(party)});
  b.publish(c, bob, 1);
  b.got<record_changed>(a);
  b.perform(b.reg.closed(c, b.at));
  auto news = b.got<presence_changed>(a);
  REQUIRE(news.size() == 1);
  CHECK(!news[0].online);
  b.login(bob, {bob.in(party)});
  news = b.got<presence_changed>(a);
  REQUIRE(news.size() == 1);
  CHECK(news[0].online);
}

TEST_CASE("a newer login ends the older one without a flicker of presence") {
  bench b;
  const auto a = b.in(alice);
  const auto first = b.login(bob, {bob.in(party)});
  b.publish(first, bob, 1);
  b.got<record_changed>(a);
  const auto second = b.login(bob, {bob.in(party)});
  CHECK(b.ended.at(first.value).code == errc::closed);
  b.perform(b.reg.closed(first, b.at)); // the old connection's end, heard of later
  CHECK(b.got<presence_changed>(a).empty());
  b.say(a, signal_request{party.id, bob.pub, {1}});
  CHECK(b.got<signal_arrived>(second).size() == 1);
}

TEST_CASE("leaving tells the others, frees name and lease; the last one takes the party along") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(bob, {bob.in(party)});
  b.publish(c, bob, 1);
  b.got<record_changed>(a);
  b.say(c, leave_request{party.id});
  CHECK(b.got<member_gone>(a).size() == 1);
  CHECK(b.got<party_left>(c).size() == 1);
  CHECK(!b.reg.lease_of(bob.pub));
  b.say(c, leave_request{party.id});
  CHECK(b.refusal(c) == errc::not_a_member);
  const test::test_member second{"bob", 77};
  b.login(second, {second.in(party)});
  CHECK(b.reg.lease_of(second.pub) == virtual_ip::derive(bob.id, 0));
  b.say(a, leave_request{party.id});
  CHECK(b.reg.parties() == 1);
}

TEST_CASE("a member that is away is forgotten at the word of another, and its name is free") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(carol, {carol.in(party)});
  const auto lost = b.login(bob, {bob.in(party)});
  b.publish(lost, bob, 1);
  b.perform(b.reg.closed(lost, b.at));
  b.got<record_changed>(a);
  const test::test_member again{"bob", 77}; // the same person, without the old disk
  CHECK(b.refused.at(b.login(again, {again.in(party)}).value).code == errc::name_taken);

  b.say(a, forget_request{party.id, bob.id});
  for (const auto session : {a, c}) {
    const auto gone = b.got<member_gone>(session);
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].key == bob.pub);
  }
  CHECK(!b.reg.lease_of(bob.pub));
  CHECK(b.reg.members() == 2);
  const auto in = b.login(again, {again.in(party)});
  CHECK(b.got<welcome>(in).size() == 1);
  CHECK(b.reg.lease_of(again.pub) == virtual_ip::derive(bob.id, 0));
  // The forgotten key is a newcomer, and its name another's.
  CHECK(b.refused.at(b.login(bob, {bob.in(party)}).value).code == errc::name_taken);
  b.say(in, leave_request{party.id});
  const auto back = b.login(bob, {bob.in(party)});
  const auto hello = b.got<welcome>(back);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].parties[0].records.empty()); // nothing of its old record is left
}

TEST_CASE("the answer to forgetting comes after the news, and is counted once") {
  bench b;
  const auto a = b.in(alice);
  b.perform(b.reg.closed(b.login(bob, {bob.in(party)}), b.at)); // never published
  b.sent.clear();
  const auto done = b.reg.received(a, forget_request{party.id, bob.id}, b.at);
  const auto notes = std::count_if(done.begin(), done.end(),
                                   [](const auto& e) { return std::holds_alternative<note>(e); });
  CHECK(notes == 1);
  b.perform(done);
  REQUIRE(b.sent[a.value].size() == 2);
  CHECK(std::get<member_gone>(b.sent[a.value][0]).key == bob.pub);
  CHECK(std::get<member_forgotten>(b.sent[a.value][1]).id == bob.id);
}

TEST_CASE("who is connected, unknown or of another party cannot be forgotten") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(bob, {bob.in(party)});
  b.say(a, forget_request{party.id, bob.id});
  CHECK(b.refusal(a) == errc::peer_online);
  b.say(a, forget_request{party.id, alice.id}); // itself
  CHECK(b.refusal(a) == errc::peer_online);
  b.say(a, forget_request{party.id, carol.id});
  CHECK(b.refusal(a) == errc::peer_not_found);
  const auto d = b.login(carol, {carol.in(other, true)});
  b.perform(b.reg.closed(c, b.at));
  b.say(d, forget_request{party.id, bob.id});
  CHECK(b.refusal(d) == errc::not_a_member);
  CHECK(b.reg.lease_of(bob.pub));
  // Connected, though not to this party.
  b.login(bob, {});
  b.sent.clear();
  b.say(a, forget_request{party.id, bob.id});
  CHECK(b.refusal(a) == errc::peer_online);
}

TEST_CASE("a member forgotten in one party keeps its lease for the others, over a restart, too") {
  bench b;
  const auto a = b.in(alice);
  const auto c = b.login(bob, {bob.in(party), bob.in(other, true)});
  b.perform(b.reg.closed(c, b.at));
  b.say(a, forget_request{party.id, bob.id});
  CHECK(b.reg.lease_of(bob.pub));
  bench after{generous(), b.stored()};
  CHECK(after.reg.lease_of(bob.pub) == b.reg.lease_of(bob.pub));
  const test::test_member second{"bob", 77};
  CHECK(after.got<welcome>(after.login(second, {second.in(party)})).size() == 1);
  CHECK(after.refused.at(after.login(second, {second.in(other)}).value).code == errc::name_taken);
}

TEST_CASE("members whose names hash alike get different addresses, whoever comes first") {
  const auto [one, two] = colliding_names();
  const test::test_member first{one};
  const test::test_member second{two};
  REQUIRE(virtual_ip::derive(first.id, 0) == virtual_ip::derive(second.id, 0));
  for (const bool swapped : {false, true}) {
    bench b;
    b.in(swapped ? second : first);
    b.in(swapped ? first : second);
    const auto a = b.reg.lease_of(first.pub);
    const auto c = b.reg.lease_of(second.pub);
    REQUIRE((a && c));
    CHECK(*a != *c);
    CHECK(!a->reserved());
    CHECK(!c->reserved());
  }
}

TEST_CASE("reserved addresses are never leased") {
  // Find a name whose first candidate is reserved, if the hash has one among many.
  for (int i = 0; i < 500'000; ++i) {
    const auto name = "r" + std::to_string(i);
    if (!virtual_ip::derive(*peer_id::parse(name), 0).reserved()) continue;
    bench b;
    const test::test_member who{name};
    b.in(who);
    CHECK(!b.reg.lease_of(who.pub)->reserved());
    return;
  }
  FAIL("no name found: the test cannot tell");
}

TEST_CASE("parties, records, names and leases survive a restart") {
  const auto [one, two] = colliding_names();
  const test::test_member first{one};
  const test::test_member second{two};
  bench before;
  const auto s = before.in(first);
  before.in(second);
  before.publish(s, first, 3);
  const auto addresses = std::pair{before.reg.lease_of(first.pub), before.reg.lease_of(second.pub)};

  bench after{generous(), before.stored()};
  // In the other order: the lease, not the order, decides.
  const auto again = after.login(second, {second.in(party)});
  const auto hello = after.got<welcome>(again);
  REQUIRE(hello.size() == 1);
  CHECK(hello[0].parties[0].name == party.name);
  CHECK(hello[0].parties[0].address == addresses.second);
  REQUIRE(hello[0].parties[0].records.size() == 1);
  CHECK(!hello[0].parties[0].records[0].online);
  CHECK(after.reg.lease_of(first.pub) == addresses.first);
  const test::test_member thief{one, 99};
  CHECK(after.refused.at(after.login(thief, {thief.in(party)}).value).code == errc::name_taken);
  after.publish(after.login(first, {first.in(party)}), first, 3);
  CHECK(after.refusal({after.last}) == errc::stale_version);
}

TEST_CASE("tokens are for each party and relay, signed, and renewed at half their life") {
  bench b;
  const auto a = b.in(alice);
  const auto hello = b.got<welcome>(a);
  REQUIRE(hello[0].tokens.size() == 1);
  const auto token = decode_token(hello[0].tokens[0], public_key(b.token_key));
  REQUIRE(token);
  CHECK(token->member == alice.pub);
  CHECK(token->party == party.id);
  CHECK(token->relay == b.relays[0].id());
  CHECK(token->expires_unix_s == b.at.unix_ms / 1000 + 24 * 3600);

  b.at.now += 12h - 1s;
  b.perform(b.reg.tick(b.at));
  CHECK(b.got<tokens_renewed>(a).empty());
  b.at.now += 1s;
  b.at.unix_ms += 12 * 3600 * 1000;
  b.perform(b.reg.tick(b.at));
  const auto renewed = b.got<tokens_renewed>(a);
  REQUIRE(renewed.size() == 1);
  CHECK(read_token(renewed[0].tokens[0])->expires_unix_s == token->expires_unix_s + 12 * 3600);

  b.perform(b.reg.set_relays({relay_named("r1"), relay_named("r2")}, b.at));
  const auto news = b.got<relays_changed>(a);
  REQUIRE(news.size() == 1);
  CHECK(news[0].relays.size() == 2);
  CHECK(news[0].tokens.size() == 2);
}

TEST_CASE("a large party arrives in pieces, the last one says complete") {
  auto small = generous();
  small.octets_per_message = 1'000;
  bench b{small};
  for (int i = 0; i < 10; ++i) {
    const test::test_member who{"m" + std::to_string(i)};
    const auto s = b.in(who);
    b.say(s, publish_request{party.id, who.id, 1, bytes(300)});
  }
  const auto a = b.in(alice);
  std::size_t records = 0;
  bool complete = false;
  for (const auto& each : b.sent[a.value]) {
    CHECK(!complete);
    if (const auto* first = std::get_if<welcome>(&each)) {
      records += first->parties[0].records.size();
      complete = first->parties[0].complete;
    } else {
      const auto& more = std::get<party_records>(each);
      CHECK(more.records.size() <= 2);
      records += more.records.size();
      complete = more.complete;
    }
  }
  CHECK(records == 10);
  CHECK(complete);
}

TEST_CASE("bounds hold: sessions, parties, members, parties per member, leases") {
  auto tight = generous();
  tight.members_per_party = 2;
  tight.parties = 4;
  tight.leases = 3;
  tight.sessions = 5;
  bench b{tight};
  b.in(alice);
  b.in(bob);
  CHECK(b.refused.at(b.in(carol).value).code == errc::limit_reached);

  const auto c = b.login(carol, {carol.in(other, true), carol.in(test::test_party{"p3"}, true),
                                 carol.in(test::test_party{"p4"}, true)});
  CHECK(b.got<welcome>(c)[0].parties.size() == 3);
  b.say(c, make_join(carol.in(test::test_party{"p5"}, true), b.binding(c.value), carol.pub));
  CHECK(b.refusal(c) == errc::limit_reached); // parties on this server
  const test::test_member dave{"dave"};
  CHECK(b.refused.at(b.login(dave, {dave.in(other)}).value).code == errc::limit_reached);

  b.login(dave, {});
  b.login(test::test_member{"erin"}, {});
  CHECK(b.refused.at(b.login(test::test_member{"frank"}, {}).value).code == errc::limit_reached);
  CHECK(!b.refused.contains(b.in(alice).value)); // who is in may come back
}

TEST_CASE("a member that talks too much is disconnected, a busy one is not") {
  bench b;
  const auto a = b.in(alice);
  b.in(bob);
  for (int i = 0; i < 50; ++i)
    b.say(a, signal_request{party.id, bob.pub, {1}});
  CHECK(b.ended.empty());
  b.at.now += 1s;
  for (int i = 0; i < 10; ++i)
    b.say(a, signal_request{party.id, bob.pub, {1}});
  CHECK(b.ended.empty());
  b.say(a, signal_request{party.id, bob.pub, {1}});
  REQUIRE(b.ended.contains(a.value));
  CHECK(b.ended.at(a.value).code == errc::limit_reached);
}

TEST_CASE("what was not understood is answered or, when it is no JSON, ends the session") {
  bench b;
  const auto a = b.in(alice);
  b.perform(b.reg.received(
      a, undecodable{fail(errc::bad_message, "x"), request_kind::publish, party.id, false}, b.at));
  const auto no = b.got<request_refused>(a);
  REQUIRE(no.size() == 1);
  CHECK(no[0].about == request_kind::publish);
  b.perform(b.reg.received(a, undecodable{fail(errc::bad_message, "x"), {}, {}, true}, b.at));
  CHECK(b.ended.at(a.value).code == errc::bad_message);
  CHECK(b.reg.sessions() == 0);
}
