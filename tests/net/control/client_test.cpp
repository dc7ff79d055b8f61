#include "net/control/client.hpp"
#include "tests/net/control/live.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using test::live_member;
using test::live_server;

namespace {

const test::test_party party;
const test::test_party other{"other"};
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};

client_message publish(const test::test_member& who, std::uint64_t version, virtual_ip address) {
  const auto record = who.record(party, version, address);
  return publish_request{party.id, who.id, version, who.seal(record, party)};
}

} // namespace

TEST_CASE("the welcome comes unasked, right behind the upgrade: three round trips in all") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true)}};
  const auto hello = a.next<welcome>();
  // TCP is one round trip, TLS 1.3 one, the upgrade one, each measured; nothing of ours between.
  REQUIRE(a.log.size() >= 5);
  for (int i : {0, 1, 2})
    CHECK(a.log[i] == "round trip");
  CHECK(a.log[3] == "opened");
  CHECK(a.log[4] == "message");
  CHECK(at.server->counters().messages == 0);
  REQUIRE(hello.parties.size() == 1);
  CHECK(hello.parties[0].address == virtual_ip::derive(alice.id, 0));
  CHECK(hello.relays.size() == 1);
  CHECK(hello.tokens.size() == 1);
}

TEST_CASE("records, presence and signals flow between members of a party") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true)}};
  const auto mine = a.next<welcome>().parties[0].address;
  a.link->send(publish(alice, 1, mine));

  auto b = std::make_unique<live_member>(io, at, bob, std::vector{bob.in(party)});
  auto hello = b->next<welcome>();
  if (hello.parties[0].records.empty()) // Bob was faster than Alice's record
    hello.parties[0].records.push_back(b->next<record_changed>().record);
  const auto seen = open_record(hello.parties[0].records[0], party.id, party.secret);
  REQUIRE(seen);
  CHECK(*seen == alice.record(party, 1, mine));
  CHECK(hello.parties[0].records[0].online);

  b->link->send(publish(bob, 1, hello.parties[0].address));
  const auto news = a.next<record_changed>();
  CHECK(open_record(news.record, party.id, party.secret)->id == bob.id);

  peer_signal punch;
  punch.kind = signal_kind::punch;
  punch.sequence = 1;
  a.link->send(signal_request{party.id, bob.pub,
                              *signal_box{alice.key}.seal(punch, party.id, bob.pub, os_random())});
  const auto heard = b->next<signal_arrived>();
  CHECK(heard.from == alice.pub);
  CHECK(*signal_box{bob.key}.open(heard.sealed, party.id, heard.from) == punch);

  b.reset();
  const auto gone = a.next<presence_changed>();
  CHECK(gone.key == bob.pub);
  CHECK(!gone.online);
}

TEST_CASE("parties are made, joined and left on a running connection") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {}};
  CHECK(a.next<welcome>().parties.empty());
  a.link->join(alice.in(party, true));
  const auto made = a.next<party_joined>();
  CHECK(made.view.name == party.name);
  CHECK(made.tokens.size() == 1);

  live_member b{io, at, bob, {}};
  auto wrong = bob.in(party);
  wrong.verifier = verifier_of(other.secret);
  b.link->join(wrong);
  CHECK(b.refusal() == errc::wrong_secret);
  CHECK(at.server->counters().messages_refused == 1);
  CHECK(at.refusals("wrong_secret") == 1);
  b.link->join(bob.in(party));
  CHECK(b.next<party_joined>().view.party == party.id);
  b.link->send(leave_request{party.id});
  CHECK(b.next<party_left>().party == party.id);
  CHECK(a.next<member_gone>().key == bob.pub);
}

TEST_CASE("a join asked for before the connection stands is made once it does") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {}};
  a.link->join(alice.in(party, true));
  CHECK(a.next<party_joined>().view.party == party.id);
}

TEST_CASE("a server restart keeps parties, records and leases") {
  live_server at;
  boost::asio::io_context io;
  virtual_ip address;
  {
    live_member a{io, at, alice, {alice.in(party, true)}};
    address = a.next<welcome>().parties[0].address;
    a.link->send(publish(alice, 5, address));
    REQUIRE(a.until([&] { return at.server->counters().messages == 1; }));
    at.restart();
    CHECK(a.end().code == errc::closed);
  }
  live_member b{io, at, bob, {bob.in(party)}};
  const auto hello = b.next<welcome>();
  REQUIRE(hello.parties.size() == 1);
  CHECK(hello.parties[0].name == party.name);
  REQUIRE(hello.parties[0].records.size() == 1);
  CHECK(open_record(hello.parties[0].records[0], party.id, party.secret)->version == 5);
  CHECK(!hello.parties[0].records[0].online);
  live_member a{io, at, alice, {alice.in(party)}};
  CHECK(a.next<welcome>().parties[0].address == address);
}

TEST_CASE("the wrong pin ends the connection before anything is said") {
  live_server at;
  boost::asio::io_context io;
  auto options = default_client_options(at.server->line(), alice.key, {alice.in(party, true)});
  options.server.pin.octets[5] ^= 1;
  live_member a{io, options};
  CHECK(a.end().code == errc::wrong_pin);
  CHECK(at.counts([](const auto& c) { return c.refused_handshake == 1; }));
  CHECK(at.refusals("bad_message") == 1);
  CHECK(at.server->counters().logins == 0);
}

TEST_CASE("what the server refuses a login with reaches the member") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true)}};
  a.next<welcome>();
  auto wrong = bob.in(party);
  wrong.verifier = verifier_of(other.secret);
  live_member b{io, at, bob, {wrong}};
  CHECK(b.end().code == errc::wrong_secret);
  live_member c{io, at, bob, {bob.in(other)}};
  CHECK(c.end().code == errc::party_not_found);
  auto options = default_client_options(at.server->line(), alice.key, {});
  options.server.key = login_public_key{bob.pub.octets};
  live_member d{io, options};
  CHECK(d.end().code == errc::bad_login);
  CHECK(at.server->counters().refused_parties == 2);
  CHECK(at.server->counters().refused_login == 1);
  CHECK(at.refusals("wrong_secret") == 1);
  CHECK(at.refusals("party_not_found") == 1);
  CHECK(at.refusals("bad_login") == 1);
}

TEST_CASE("a login with one wrong secret of two is taken for the other, and not silently") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true), alice.in(other, true)}};
  a.next<welcome>();
  auto wrong = bob.in(party);
  wrong.verifier = verifier_of(other.secret);
  live_member b{io, at, bob, {wrong, bob.in(other)}};
  const auto hello = b.next<welcome>();
  REQUIRE(hello.refused.size() == 1);
  CHECK(hello.refused[0].why.code == errc::wrong_secret);
  CHECK(at.server->counters().refused_parties == 1);
  CHECK(at.refusals("wrong_secret") == 1);
}

TEST_CASE("what the server refuses a message with reaches the member") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true)}};
  const auto mine = a.next<welcome>().parties[0].address;
  a.link->send(publish(alice, 5, mine));
  a.link->send(publish(alice, 4, mine));
  CHECK(a.refusal() == errc::stale_version);
  live_member b{io, at, bob, {bob.in(other, true)}};
  b.next<welcome>();
  b.link->send(publish(bob, 1, mine));
  const auto no = b.next<request_refused>();
  CHECK(no.why.code == errc::not_a_member);
  CHECK(no.about == request_kind::publish);
  CHECK(no.party == party.id);
  b.link->join(bob.in(party));
  b.next<party_joined>();
  b.link->send(publish_request{party.id, alice.id, 1, {1}});
  CHECK(b.refusal() == errc::name_taken);
  CHECK(at.server->counters().messages_refused == 3);
  for (const auto* why : {"stale_version", "not_a_member", "name_taken"})
    CHECK(at.refusals(why) == 1);
}

TEST_CASE("a newer login of the same key ends the older connection") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {alice.in(party, true)}};
  a.next<welcome>();
  live_member again{io, at, alice, {alice.in(party)}};
  again.next<welcome>();
  const auto why = a.end();
  CHECK(why.code == errc::closed);
  CHECK(why.detail.find("newer login") != std::string::npos);
}

TEST_CASE("round trips to the server are measured by pings") {
  live_server at;
  boost::asio::io_context io;
  auto options = default_client_options(at.server->line(), alice.key, {});
  options.ping = std::chrono::milliseconds{20};
  live_member a{io, options};
  REQUIRE(a.until([&] { return a.rtts.size() >= 4; }));
  for (const auto rtt : a.rtts) {
    CHECK(rtt.count() > 0);
    CHECK(rtt < std::chrono::seconds{1});
  }
}

TEST_CASE("nobody listening, and somebody silent, end within the deadline with different codes") {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent{
      io, {boost::asio::ip::address_v4::loopback(), 0}}; // accepts into its backlog, says nothing
  server_line line;
  line.host = "127.0.0.1";
  line.port = silent.local_endpoint().port();
  line.key = login_public_key{bob.pub.octets};
  auto options = default_client_options(line, alice.key, {});
  options.handshake = std::chrono::milliseconds{100};
  {
    live_member a{io, options};
    CHECK(a.end().code == errc::timed_out);
  }
  silent.close();
  live_member b{io, options};
  CHECK(b.end().code == errc::control_unreachable);
}

TEST_CASE("a server that stops says so") {
  live_server at;
  boost::asio::io_context io;
  live_member a{io, at, alice, {}};
  a.next<welcome>();
  at.server->stop();
  const auto why = a.end();
  CHECK(why.code == errc::closed);
  CHECK(why.detail == "the server stops");
}
