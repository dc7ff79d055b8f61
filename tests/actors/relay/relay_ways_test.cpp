#include "tests/actors/relay/relay_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using net::frame_kind;

namespace {

msg::relay_choice only_choice(relay_lab& w, std::size_t which) {
  msg::relay_ranking out;
  w.step([&](auto& t, auto& effects) { out = t.rank({{w.id(which), 20ms}}, w.now, effects); });
  REQUIRE(out.choices.size() == 1);
  return out.choices.front();
}

/// Where the relay would send what is for us.
net::endpoint reached_at(relay_lab& w, std::size_t which) {
  auto& core = *w.relays[which].core;
  net::relay_ping ping{false, net::hash_of(net::public_key(w.own)), 7, 0};
  const auto key = net::relay_key(w.own, net::public_key(w.relays[which].key));
  const auto said = core.receive(encode(ping, *key), {w.address, 0}, w.instant());
  return said.what == net::relay::verdict::action::answer ? said.to : net::endpoint{};
}

relay_lab blocked(std::vector<std::chrono::milliseconds> delays) {
  relay_lab w{std::move(delays)};
  w.offer_tls();
  w.udp_blocked = true;
  w.give_list();
  return w;
}

} // namespace

TEST_CASE("where UDP is blocked a stream is opened after 750 ms, and registered over at once") {
  auto w = blocked({15ms});
  w.run(750ms - 1ns);
  CHECK(w.opened.empty());
  w.run(1ns);
  REQUIRE(w.opened.size() == 1);
  CHECK(w.opened[0].second.relay.tls->port == 443);
  w.run(6 * 15ms + 60ms - 1ns); // the stream, hello and registration
  CHECK(w.published.empty());
  w.run(1ns);
  REQUIRE(w.published.size() == 1);
  CHECK(w.published[0].second.legs == std::vector<net::relay_leg>{{w.id(0), 30ms}});
  CHECK(w.published[0].second.streams == std::vector{w.id(0)});
  CHECK(w.news == std::vector<std::string>{"registered with relay1 over TLS (TCP), 30 ms away"});
  const auto choice = only_choice(w, 0);
  CHECK(choice.address == w.relays[0].at);
  CHECK(choice.streamed_from == w.relays[0].info.address);
}

TEST_CASE("no stream is opened while any relay answers by UDP") {
  relay_lab w{{15ms, 30ms}};
  w.offer_tls();
  w.give_list();
  w.run(5s);
  w.relays[0].down = true;
  w.step([&](auto& t, auto& out) { t.trouble(w.id(0), w.now, out); });
  w.run(60s);
  CHECK_FALSE(w.session(0).registered());
  CHECK(w.session(1).registered());
  CHECK(w.opened.empty());
}

TEST_CASE("when one relay falls silent the others are asked at once, and all streams opened") {
  relay_lab w{{15ms, 30ms}};
  w.offer_tls();
  w.give_list();
  w.run(5s);
  w.udp_blocked = true;
  const auto since = w.now;
  w.step([&](auto& t, auto& out) { t.trouble(w.id(0), w.now, out); });
  w.run(2s);
  REQUIRE(w.opened.size() == 2);
  CHECK(w.opened[0].first - since == 750ms);
  CHECK(w.session(0).streamed());
  CHECK(w.session(1).streamed());
  CHECK(w.published.back().second.streams.size() == 2);
  CHECK(w.published.back().first - since < 1200ms);
}

TEST_CASE(
    "who was without UDP before a restart opens streams at once, and UDP may still be first") {
  auto w = blocked({15ms, 30ms});
  w.run(10s);
  const auto memory = w.table->memory();
  CHECK(memory.udp_blocked);
  w.udp_blocked = GENERATE(true, false);
  w.opened.clear();
  const auto since = w.now;
  w.start_table(memory);
  w.step([&](auto& t, auto& out) { t.listed(*memory.listed, w.now, out); });
  w.run(2s);
  REQUIRE(w.opened.size() == 2);
  CHECK(w.opened[0].first == since);
  CHECK(w.session(0).registered());
  CHECK(w.session(0).streamed() == w.udp_blocked);
  CHECK(w.table->memory().udp_blocked == w.udp_blocked);
  if (!w.udp_blocked) CHECK(w.closed.size() == 2);
}

TEST_CASE("relays without TLS are waited for as before") {
  relay_lab w{{15ms}};
  w.udp_blocked = true;
  w.give_list();
  w.run(60s);
  CHECK(w.opened.empty());
  w.udp_blocked = false;
  w.run(10s);
  CHECK(w.session(0).registered());
}

TEST_CASE("at most three streams are opened, to the nearest that are remembered") {
  relay_lab w{{50ms, 10ms, 20ms, 30ms}};
  w.offer_tls();
  w.give_list();
  w.run(5s);
  const auto memory = w.table->memory();
  w.udp_blocked = true;
  w.start_table(memory);
  w.step([&](auto& t, auto& out) { t.listed(*memory.listed, w.now, out); });
  w.run(1s);
  std::set<net::relay_id> opened;
  for (const auto& [when, each] : w.opened)
    opened.insert(each.relay.id());
  CHECK(opened == std::set{w.id(1), w.id(2), w.id(3)});
}

TEST_CASE("UDP that works again is registered over first, and then the stream is closed") {
  auto w = blocked({15ms});
  w.run(10s);
  REQUIRE(w.session(0).streamed());
  const auto before = w.published.size();
  w.udp_blocked = false;
  w.run(4s);
  CHECK_FALSE(w.session(0).streamed());
  CHECK(w.session(0).registered());
  CHECK(only_choice(w, 0).address == w.relays[0].info.address);
  CHECK_FALSE(only_choice(w, 0).streamed_from);
  // Never without the relay: the one piece of news is that it is reached otherwise.
  REQUIRE(w.published.size() == before + 1);
  CHECK(w.published.back().second.legs.size() == 1);
  CHECK(w.published.back().second.streams.empty());
  CHECK(w.news.back().starts_with("registered with relay1 over UDP again"));
  CHECK(reached_at(w, 0) == w.address);
  CHECK(w.closed.empty()); // it lingers
  w.run(10s);
  CHECK(w.closed.size() == 1);
  CHECK_FALSE(w.relays[0].streaming);
  w.run(120s);
  CHECK(w.opened.size() == 1);
}

TEST_CASE("what still comes by the stream after the way back reaches the relay") {
  auto w = blocked({15ms});
  w.run(10s);
  w.udp_blocked = false;
  while (w.session(0).streamed())
    w.run(10ms);
  auto& core = *w.relays[0].core;
  // A packet of WireGuard's that is nobody's index: a member is told so, a stranger is not.
  net::byte_writer packet;
  packet.u32(0x04000000).u32(7).u64(0).raw(net::bytes(16));
  const auto said =
      core.receive(packet.view(), {w.relays[0].flow, net::relay::via_stream}, w.instant());
  REQUIRE(said.what == net::relay::verdict::action::answer);
  CHECK(said.payload.size() == 48); // with MAC
}

TEST_CASE("a registration over UDP that is not answered in 400 ms goes back to the stream") {
  auto w = blocked({15ms});
  w.run(10s);
  w.udp_blocked = false;
  while (!w.session(0).by_udp())
    w.run(1ms);
  REQUIRE(w.session(0).streamed());
  w.udp_blocked = true; // the hello is answered, the registration lost
  w.run(399ms);
  CHECK(w.session(0).by_udp());
  w.run(2ms);
  CHECK_FALSE(w.session(0).by_udp());
  w.run(1s);
  CHECK(w.session(0).registered());
  CHECK(w.session(0).streamed());
  CHECK(w.published.back().second.streams.size() == 1);
}

TEST_CASE("a stream that ends takes the registration with it, and is opened again at once") {
  auto w = blocked({15ms});
  w.run(10s);
  w.end_stream(w.relays[0], net::errc::closed);
  CHECK_FALSE(w.session(0).registered());
  CHECK(w.published.back().second.legs.empty());
  CHECK(w.opened.size() == 2);
  w.run(200ms);
  CHECK(w.session(0).registered());
  CHECK(w.session(0).streamed());
}

TEST_CASE("a stream that carries nothing any more is noticed by the renewal and opened anew") {
  auto w = blocked({15ms});
  w.run(10s);
  w.relays[0].streaming = false; // half-open: nobody tells
  w.run(30s);
  CHECK(w.closed.size() == 1);
  CHECK(w.opened.size() == 2);
  CHECK(w.session(0).registered());
}

TEST_CASE("without UDP and TCP nothing is lost but time; the reason is told once") {
  auto w = blocked({15ms});
  w.relays[0].tcp_closed = true;
  w.run(60s);
  CHECK(w.opened.size() == 6); // 0, 1, 3, 7, 15, 31 s and the way there
  CHECK(w.news.size() == 1);
  CHECK(w.news[0].starts_with("relay1 is not reached over TLS: "));
  w.relays[0].tcp_closed = false;
  w.step([&](auto& t, auto& out) { t.network_changed(w.now, out); });
  w.run(1s);
  CHECK(w.session(0).registered());
}

TEST_CASE("news of an older attempt, or of a relay nobody knows, changes nothing") {
  auto w = blocked({15ms});
  w.run(10s);
  w.step([&](auto& t, auto& out) {
    t.stream_closed({w.id(0), w.relays[0].attempt + 7, net::fail(net::errc::closed)}, w.now, out);
    t.stream_closed({{}, 77, net::fail(net::errc::closed)}, w.now, out);
    t.stream_opened({{}, 1, w.relays[0].at}, w.now, out);
  });
  CHECK(w.session(0).registered());
  w.step([&](auto& t, auto& out) { // all are gone
    t.stream_closed({{}, 0, net::fail(net::errc::closed)}, w.now, out);
  });
  CHECK_FALSE(w.session(0).registered());
}

TEST_CASE("a relay that leaves the list takes its stream along") {
  auto w = blocked({15ms, 20ms});
  w.run(10s);
  REQUIRE(w.session(1).streamed());
  auto list = w.list();
  list.relays.pop_back();
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  REQUIRE(w.closed.size() == 1);
  CHECK(w.closed[0].second == w.id(1));
  w.run(60s);
  CHECK(w.session(0).streamed());
}

TEST_CASE("relays by UDP are ranked before relays by a stream") {
  auto w = blocked({15ms, 20ms});
  w.run(10s);
  w.udp_blocked = false;
  w.relays[0].lose = 1'000; // its UDP stays dead
  w.run(10s);
  REQUIRE(w.session(0).streamed());
  REQUIRE_FALSE(w.session(1).streamed());
  msg::relay_ranking ranked;
  w.step([&](auto& t, auto& effects) {
    ranked = t.rank({{w.id(0), 5ms}, {w.id(1), 5ms}}, w.now, effects);
  });
  REQUIRE(ranked.choices.size() == 2);
  CHECK(ranked.choices[0].relay == w.id(1));
}
