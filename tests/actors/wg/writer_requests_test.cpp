// What the roles may ask of the writer: actors/wg/writer_requests.cpp.
#include "actors/wg/writer_core.hpp"
#include "tests/actors/wg/writer_rig.hpp"

using namespace lanrage;
using namespace lanrage::test;
using net::wg::change_kind;

TEST_CASE("the same endpoint said again does not undo roaming, a new one is written once") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).where = new_path; // WireGuard roamed
  const auto same = r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(10ms);
  CHECK(r.applied(same));
  CHECK(r.device.peer(1).where == new_path);
  CHECK(r.device.peer(1).keepalive == 25s);

  const auto moved = r.ask(msg::set_peer{peer(1, at("192.0.2.3:3"), true)});
  r.run(10ms);
  CHECK(r.applied(moved));
  CHECK(r.device.peer(1).where == at("192.0.2.3:3"));
  r.device.peer(1).where = new_path;
  r.run(5s);
  CHECK(r.device.peer(1).where == new_path);
}

TEST_CASE("removing is answered when the peer is gone, also when it never was there") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  r.run(10ms);
  const auto id = r.ask(msg::remove_peer{wg_key(1)});
  const auto other = r.ask(msg::remove_peer{wg_key(2)});
  r.run(10ms);
  CHECK(r.applied(id));
  CHECK(r.applied(other));
  CHECK_FALSE(r.device.has(1));
  CHECK(r.records.peers.empty());
  const auto calls = r.device.calls.size();
  r.run(5s);
  CHECK(r.device.calls.size() == calls); // no write after the acknowledgement
}

TEST_CASE("a peer wanted again before its removal was seen loses its old session") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  const auto removed = r.ask(msg::remove_peer{wg_key(1)});
  const auto again = r.ask(msg::set_peer{peer(1, old_path)});
  r.run(20ms);
  CHECK(r.applied(removed));
  CHECK(r.applied(again));
  CHECK_FALSE(r.device.peer(1).latest_handshake);
}

TEST_CASE("a removal answers a set that it overtakes with closed") {
  rig r;
  const auto set = r.ask(msg::set_peer{peer(1)});
  const auto removed = r.ask(msg::remove_peer{wg_key(1)});
  r.run(20ms);
  CHECK(r.error_of(set) == errc::closed);
  CHECK(r.applied(removed));
  CHECK_FALSE(r.device.has(1));
}

TEST_CASE("a reset removes and adds in one call, and tells no watcher of a lost session") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  r.device.peer(1).rx = 5;
  r.watch(1);
  r.run(1100ms);
  const auto id = r.ask(msg::reset_peer{peer(1, new_path, true)});
  r.run(10ms);
  CHECK(r.applied(id));
  const auto& call = r.device.calls.back();
  REQUIRE(call.size() == 2);
  CHECK(call[0].kind == change_kind::remove);
  CHECK(call[1].kind == change_kind::put);
  CHECK(r.device.peer(1).where == new_path);
  for (const auto& signal : r.signals)
    CHECK_FALSE(signal.session_lost);
}

TEST_CASE("a reset that left the old session alive is made again") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  r.device.deaf = true;
  const auto id = r.ask(msg::reset_peer{peer(1, old_path)});
  r.run(100ms);
  CHECK(r.answers.count(id) == 0);
  r.device.deaf = false;
  r.run(300ms);
  CHECK(r.applied(id));
  CHECK_FALSE(r.device.peer(1).latest_handshake);
}

TEST_CASE("a reset that was made although its answer was lost is not made again") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  r.loses_answers = true;
  const auto before = r.device.calls.size();
  const auto id = r.ask(msg::reset_peer{peer(1, new_path)});
  r.run(10ms);
  CHECK(r.applied(id));
  CHECK(r.device.calls.size() == before + 1);
  r.device.peer(1).latest_handshake = 1001s; // the session that came of it stays
  r.run(10s);
  CHECK(r.device.calls.size() == before + 1);
}

TEST_CASE("what was not made when its answer was lost is made again, and refused in the end") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  r.loses_answers = r.device.deaf = true;
  const auto id = r.ask(msg::reset_peer{peer(1, old_path)});
  SECTION("it is made in time") {
    r.run(100ms);
    CHECK(r.answers.count(id) == 0);
    r.device.deaf = false;
    r.run(300ms);
    CHECK(r.applied(id));
    CHECK_FALSE(r.device.peer(1).latest_handshake);
  }
  SECTION("it never is") {
    r.run(3s);
    CHECK(r.error_of(id) == errc::timed_out);
  }
}

TEST_CASE("a second peer with an address that is taken is refused") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  auto thief = peer(2);
  thief.address = address_of(1);
  const auto id = r.ask(msg::set_peer{thief});
  auto nobody = peer(3);
  nobody.address = {};
  const auto unleased = r.ask(msg::set_peer{nobody});
  r.run(10ms);
  CHECK(r.error_of(id) == errc::address_clash);
  CHECK(r.error_of(unleased) == errc::wg_refused);
  CHECK(r.device.now.peers.size() == 1);
}

TEST_CASE("a new address reaches the device and is answered then") {
  rig r;
  const auto id = r.ask(msg::interface_wanted{true, address_of(9)});
  CHECK(r.answers.empty());
  r.run(10ms);
  CHECK(r.answers.count(id) == 1);
  CHECK(r.ensures == 2);
  const auto again = r.ask(msg::interface_wanted{true, address_of(9)});
  CHECK(r.answers.count(again) == 1);
}

TEST_CASE("in no party the peers go with the interface, in one question, and nobody looks again") {
  rig r;
  r.ask(msg::interface_wanted{true, address_of(9)});
  r.ask(msg::set_peer{peer(1, old_path)});
  r.ask(msg::set_peer{peer(2)});
  r.run(20ms);
  const auto asserted = r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  const auto none = r.ask(msg::interface_wanted{});
  const auto removed = r.ask(msg::remove_peer{wg_key(1)});
  r.run(20ms);
  CHECK(r.landed(asserted) == false);
  CHECK(r.done(none));
  CHECK(r.applied(removed));
  CHECK(r.device.gone);
  CHECK(r.removals == 1);
  CHECK(r.removed == std::set{wg_key(1), wg_key(2)});
  CHECK(r.records.peers.empty());
  const auto looks = r.looks;
  r.run(1min);
  CHECK(r.looks == looks);
  CHECK(r.removals == 1);
  const auto again = r.ask(msg::interface_wanted{});
  CHECK(r.done(again)); // it is so
}

TEST_CASE("in no party a peer is refused, and one of another run is removed") {
  rig r;
  r.ask(msg::interface_wanted{});
  r.run(20ms);
  CHECK(r.error_of(r.ask(msg::set_peer{peer(1)})) == errc::closed);
  const auto removed = r.ask(msg::remove_peer{wg_key(2)});
  r.run(20ms);
  CHECK(r.applied(removed));
  CHECK(r.removed == std::set{wg_key(2)});
}

TEST_CASE("a party that is joined while the interface goes has it made anew, with no old session") {
  rig r;
  r.ask(msg::interface_wanted{true, address_of(9)});
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(20ms);
  r.watch(1);
  r.signals.clear();
  r.delay = 20ms;
  const auto none = r.ask(msg::interface_wanted{});
  r.run(10ms); // the removal is under way
  const auto there = r.ask(msg::interface_wanted{true, address_of(9)});
  const auto set = r.ask(msg::set_peer{peer(1, old_path)});
  r.run(1s);
  CHECK(r.removals == 1);
  CHECK(r.done(none));
  CHECK(r.done(there));
  CHECK(r.applied(set));
  CHECK(r.device.has(1));
}

TEST_CASE("an interface that refuses to go is asked again, and a user is told meanwhile") {
  rig r;
  r.remove_fails = true;
  const auto none = r.ask(msg::interface_wanted{});
  r.run(10s);
  CHECK(r.error_of(none) == errc::wg_refused);
  CHECK(r.removals < 10);
  r.remove_fails = false;
  r.run(5s);
  CHECK(r.device.gone);
}

TEST_CASE("a party joined while the interface refuses to go does not wait for the next attempt") {
  rig r;
  r.remove_fails = true;
  r.ask(msg::interface_wanted{});
  r.run(1min);
  const auto there = r.ask(msg::interface_wanted{true, address_of(9)});
  r.run(10ms);
  CHECK(r.done(there));
}

TEST_CASE("an assertion against a path that pulls back for a while lands in the end") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  int pulls = 10;
  r.on_apply = [&] {
    if (pulls-- > 0) r.device.peer(1).where = old_path;
  };
  const auto id = r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  r.run(100ms);
  CHECK_FALSE(r.landed(id));
  r.run(100ms);
  CHECK(r.landed(id) == true);
  CHECK(r.device.peer(1).where == new_path);
  // What landed is what a new device would be given.
  CHECK(r.records.peers.at(wg_key(1))->where == new_path);
}

TEST_CASE("an assertion that never holds is given up at its deadline and the old path restored") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.watch(1);
  r.signals.clear();
  bool pulling = true;
  const auto third = at("192.0.2.3:3");
  r.on_apply = [&] {
    if (pulling) r.device.peer(1).where = third;
  };
  const auto id = r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  r.run(2900ms);
  CHECK_FALSE(r.landed(id));
  pulling = false;
  r.on_apply = [] {};
  r.device.peer(1).where = third;
  r.on_apply = [&] {
    if (r.device.calls.back().front().where == new_path) r.device.peer(1).where = third;
  };
  r.run(200ms);
  CHECK(r.landed(id) == false);
  CHECK(r.device.peer(1).where == old_path);
  CHECK(r.records.peers.at(wg_key(1))->where == old_path);
  for (const auto& signal : r.signals)
    CHECK_FALSE(signal.roamed); // our own fight
}

TEST_CASE("an assertion writes at most once per interval") {
  rig r;
  r.delay = 0ns; // a device that answers at once must not make a busy loop
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.on_apply = [&] { r.device.peer(1).where = old_path; };
  const auto before = r.device.calls.size();
  r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  r.run(100ms);
  CHECK(r.device.calls.size() - before <= 21);
  CHECK(r.device.calls.size() - before >= 15);
}

TEST_CASE("a newer assertion or set takes over from a running one") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  const auto first = r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  r.run(10ms);
  const auto second = r.ask(msg::assert_endpoint{wg_key(1), at("192.0.2.3:3"), 30ms});
  CHECK(r.landed(first) == false);
  r.run(10ms);
  const auto set = r.ask(msg::set_peer{peer(1, at("192.0.2.4:4"))});
  CHECK(r.landed(second) == false);
  r.run(10ms);
  CHECK(r.applied(set));
  CHECK(r.device.peer(1).where == at("192.0.2.4:4"));
  r.run(5s);
  CHECK(r.device.peer(1).where == at("192.0.2.4:4"));
}

TEST_CASE("switching the keepalive on does not disturb an assertion of that peer") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  const auto id = r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  r.run(10ms);
  const auto set = r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(100ms);
  CHECK(r.applied(set));
  CHECK(r.landed(id) == true);
  CHECK(r.device.peer(1).where == new_path);
  CHECK(r.device.peer(1).keepalive == 25s);
}

TEST_CASE("an assertion for a peer that was never set is refused") {
  rig r;
  CHECK(r.error_of(r.ask(msg::assert_endpoint{wg_key(1), new_path, 30ms})) == errc::wg_refused);
}

TEST_CASE("watchers hear at once, then when something moved, and who moved the endpoint") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.watch(1);
  REQUIRE(r.signals.size() == 1);
  CHECK(r.signals[0].where == old_path);
  r.run(5s);
  CHECK(r.signals.size() == 1); // nothing moved
  r.device.peer(1).rx = 100;
  r.device.peer(1).latest_handshake = 7s;
  r.run(1100ms);
  REQUIRE(r.signals.size() == 2);
  CHECK(r.signals[1].rx == 100);
  CHECK(r.signals[1].latest_handshake == std::chrono::nanoseconds{7s});
  CHECK_FALSE(r.signals[1].roamed);
  r.ask(msg::set_peer{peer(1, new_path)});
  r.run(10ms);
  REQUIRE(r.signals.size() == 3);
  CHECK(r.signals[2].where == new_path);
  CHECK_FALSE(r.signals[2].roamed);
  r.device.peer(1).where = old_path;
  r.run(1100ms);
  REQUIRE(r.signals.size() == 4);
  CHECK(r.signals[3].roamed);
  CHECK(r.signals[3].where == old_path);
  r.device.peer(1).rx = 5; // another hand made the peer anew
  r.run(1100ms);
  REQUIRE(r.signals.size() == 5);
  CHECK(r.signals[4].session_lost);
}
