#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using msg::path_news;

namespace {

constexpr auto A = 0; // the initiator
constexpr auto B = 1;

/// Both have proven the path between two cone NATs.
world punched(weather sky = {}, std::uint64_t seed = 1) {
  world w{nat_kind::cone, nat_kind::cone, seed, sky};
  w.start(A);
  w.start(B);
  w.run_for(3s);
  return w;
}

} // namespace

TEST_CASE("a nomination is followed on both sides within a round trip", "[nat]") {
  auto w = punched();
  const auto start = w.now;
  const auto path = w.members[A].news(path_news::proven).at(0).where;
  w.nominate(A, path);
  w.run_for(2s);
  const auto a = w.members[A].news(path_news::nominated);
  const auto b = w.members[B].news(path_news::nominated);
  REQUIRE(a.size() == 1);
  REQUIRE(b.size() == 1);
  CHECK(a[0].where == path);
  CHECK(b[0].where == w.seen_as(A, path));
  CHECK(w.members[B].events.back().first == start + 20ms);
  CHECK(w.members[A].events.back().first == start + 40ms);
  CHECK(w.members[A].news(path_news::failed).empty());
}

TEST_CASE("a nomination is repeated until its answer arrives", "[nat]") {
  auto w = punched({20ms, 0ns, 60, 0}, 3);
  REQUIRE(!w.members[A].news(path_news::proven).empty());
  w.nominate(A, w.members[A].news(path_news::proven).at(0).where);
  w.run_for(2s);
  CHECK(w.members[A].news(path_news::nominated).size() == 1);
  CHECK(w.members[B].news(path_news::nominated).size() == 1);
}

TEST_CASE("a nomination that nobody answers fails after its deadline and names the address",
          "[nat]") {
  auto w = punched();
  const auto start = w.now;
  const auto dead = at("203.0.113.200:1234");
  const auto sent = w.members[A].sent;
  w.nominate(A, dead);
  w.run_for(2s);
  const auto failed = w.members[A].news(path_news::failed);
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].where == dead);
  CHECK(w.members[A].events.back().first == start + 1s);
  CHECK(w.members[A].sent - sent <= 12);
}

TEST_CASE("a responder proves a nominated path itself before it follows", "[nat]") {
  world w{nat_kind::none, nat_kind::none};
  w.start(B, {}, 1);
  w.run_for(3s); // failed here: it had nothing to probe
  REQUIRE(w.members[B].news(path_news::failed).size() == 1);
  const auto start = w.now;
  w.nominate(A, w.members[B].host);
  w.run_for(2s);
  const auto b = w.members[B].news(path_news::nominated);
  REQUIRE(b.size() == 1);
  CHECK(b[0].where == w.members[A].host);
  CHECK(b[0].rtt == 40ms);
  CHECK(w.members[B].news(path_news::proven).size() == 1);
  CHECK(w.members[B].events.back().first == start + 60ms); // there, and one round trip
  const auto a = w.members[A].news(path_news::nominated);
  REQUIRE(a.size() == 1);
  CHECK(w.members[A].events.back().first > start + 60ms); // not before the responder followed
}

TEST_CASE("a nomination of another epoch is answered but not followed", "[nat]") {
  auto w = punched();
  const auto path = w.members[A].news(path_news::proven).at(0).where;
  w.nominate(A, path, 2); // the responder was not told of epoch 2
  w.run_for(2s);
  CHECK(w.members[B].news(path_news::nominated).empty());
  CHECK(w.members[A].news(path_news::nominated).empty());
  REQUIRE(w.members[A].news(path_news::failed).size() == 1);
  CHECK(w.members[A].news(path_news::failed)[0].epoch == 2);
}

TEST_CASE("a stale nomination order fails at once", "[nat]") {
  auto w = punched();
  w.start(A, 4);
  const auto path = w.members[B].reflexive();
  w.nominate(A, path, 3);
  REQUIRE(!w.members[A].events.empty());
  CHECK(w.members[A].events.back().second.news == path_news::failed);
  CHECK(w.members[A].events.back().second.epoch == 3);
}

TEST_CASE("only the initiator nominates", "[nat]") {
  auto w = punched();
  const auto path = w.members[B].news(path_news::proven).at(0).where;
  w.nominate(B, path);
  CHECK(w.members[B].news(path_news::failed).size() == 1);
  w.run_for(2s);
  CHECK(w.members[A].news(path_news::nominated).empty());

  // Not even a probe that says so moves the initiator.
  net::probe frame;
  frame.nominate = true;
  frame.epoch = 1;
  frame.from = net::hash_of(w.members[B].pub);
  frame.to = net::hash_of(w.members[A].pub);
  const auto key = net::probe_key(w.members[B].key, w.members[A].pub).value();
  w.deliver(A, w.members[B].reflexive(), net::encode(frame, key));
  CHECK(w.members[A].news(path_news::nominated).empty());
}

TEST_CASE("a replayed nomination does not move the responder back", "[nat]") {
  auto w = punched();
  const auto path = w.members[A].news(path_news::proven).at(0).where;
  w.nominate(A, path);
  w.run_for(30ms);
  REQUIRE(w.members[B].news(path_news::nominated).size() == 1);
  const auto nomination = w.delivered.back(); // arrived at B last
  REQUIRE(nomination.to == B);
  w.run_for(10s);
  w.deliver(B, nomination.from, nomination.data);
  w.deliver(B, at("192.0.2.66:666"), nomination.data);
  w.run_for(2s);
  CHECK(w.members[B].news(path_news::nominated).size() == 1);
}

TEST_CASE("the same path nominated again later is news again", "[nat]") {
  auto w = punched();
  const auto path = w.members[A].news(path_news::proven).at(0).where;
  w.nominate(A, path);
  w.run_for(5s);
  w.nominate(A, path);
  w.run_for(5s);
  CHECK(w.members[A].news(path_news::nominated).size() == 2);
  CHECK(w.members[B].news(path_news::nominated).size() == 2);
}

TEST_CASE("a peer that becomes ready after the path was proven says so on it", "[nat]") {
  world w{nat_kind::cone, nat_kind::cone};
  w.act(B, [&](auto& s, auto& out) { s.expect(false, w.now, out); });
  w.start(A);
  w.start(B);
  w.run_for(1s);
  REQUIRE(w.members[A].news(path_news::proven).size() == 1);
  CHECK_FALSE(w.members[A].news(path_news::proven)[0].peer_ready);
  CHECK(w.members[B].news(path_news::proven).at(0).peer_ready);
  const auto start = w.now;
  w.act(B, [&](auto& s, auto& out) { s.expect(true, w.now, out); });
  w.run_for(2s);
  const auto news = w.members[A].news(path_news::proven);
  REQUIRE(news.size() == 2);
  CHECK(news[1].peer_ready);
  CHECK(news[1].where == news[0].where);
  CHECK(w.members[A].events.back().first == start + 20ms);
  CHECK_FALSE(w.members[B].session->deadline()); // heard, so no more of it

  // It lost us and has us again: that is said again.
  const auto probes = w.members[B].probes;
  w.act(B, [&](auto& s, auto& out) { s.expect(false, w.now, out); });
  CHECK(w.members[B].probes == probes);
  w.act(B, [&](auto& s, auto& out) { s.expect(true, w.now, out); });
  CHECK(w.members[B].probes == probes + 1);
}

TEST_CASE("becoming ready while punching needs no further frame when a probe carried it", "[nat]") {
  world w{nat_kind::cone, nat_kind::cone};
  w.act(B, [&](auto& s, auto& out) { s.expect(false, w.now, out); });
  w.start(A);
  w.start(B);
  w.run_for(30ms); // B's first probes said "not ready", their answers are on the way
  w.act(B, [&](auto& s, auto& out) { s.expect(true, w.now, out); });
  w.run_for(2s);
  CHECK(w.members[A].news(path_news::proven).back().peer_ready);
}
