// What arrives at a session may be forged, stale, replayed, or too much.
#include "actors/nat/nat_session.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using msg::path_news;

namespace {

constexpr auto A = 0; // the initiator
constexpr auto B = 1;

/// The first frame of a kind that arrived at a member.
nat_lab::delivery first_delivered(const nat_lab& w, int to, net::frame_kind kind) {
  for (const auto& each : w.delivered)
    if (each.to == to && net::kind_of(each.data) == kind) return each;
  FAIL("nothing of that kind arrived");
  return {};
}

struct changes {
  explicit changes(const nat_lab& w)
      : events{w.members[A].events.size() + w.members[B].events.size()}, probes{
                                                                             w.members[A].probes +
                                                                             w.members[B].probes} {}
  std::size_t events;
  std::size_t probes;
  friend bool operator==(const changes&, const changes&) = default;
};

/// As A would ask B.
net::probe probe_of_a(const nat_lab& w, std::uint32_t epoch) {
  net::probe frame;
  frame.from = net::hash_of(w.members[A].pub);
  frame.to = net::hash_of(w.members[B].pub);
  frame.epoch = epoch;
  return frame;
}

} // namespace

TEST_CASE("probes of a stale epoch are answered and change nothing", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(B, {}, 6);
  w.start(A, 5);
  const auto before = w.members[B].events.size();
  w.run_for(1s);
  CHECK(w.members[B].answers.size() >= 1);
  CHECK(w.members[B].probes == 0);
  CHECK(w.members[B].events.size() == before);
}

TEST_CASE("a forged probe changes nothing and is not answered", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(B, {}, 1);
  const auto mallory = net::generate_x25519<net::wg_private_key>(seeded(5));
  const auto key = net::probe_key(mallory, w.members[B].pub).value();
  auto frame = probe_of_a(w, 1);
  const changes before{w};
  w.deliver(B, w.members[A].host, net::encode(frame, key));
  CHECK(changes{w} == before);
  CHECK(w.members[B].answers.empty());
  CHECK(w.members[B].session->counters().refused == 1);
}

TEST_CASE("our own probe sent back to us changes nothing", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(A);
  w.start(B);
  w.run_for(25ms);
  const auto own = first_delivered(w, B, net::frame_kind::probe); // made by A
  const changes before{w};
  const auto answers = w.members[A].answers.size();
  w.deliver(A, w.members[B].host, own.data);
  CHECK(changes{w} == before);
  CHECK(w.members[A].answers.size() == answers);
  CHECK(w.members[A].session->counters().refused == 1);
}

TEST_CASE("our own answer sent back to us changes nothing", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(A);
  w.start(B);
  w.run_for(45ms);
  const auto own = first_delivered(w, B, net::frame_kind::probe_answer);
  const changes before{w};
  w.deliver(A, w.members[B].host, own.data);
  CHECK(changes{w} == before);
}

TEST_CASE("a replayed probe changes nothing", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  w.start(A);
  w.start(B);
  w.run_for(45ms);
  const auto seen = first_delivered(w, B, net::frame_kind::probe);
  const changes before{w};
  const auto answers = w.members[B].answers.size();
  SECTION("from where it came: not even answered again") {
    w.deliver(B, seen.from, seen.data);
    CHECK(w.members[B].answers.size() == answers);
  }
  SECTION("from elsewhere: answered there once, but no candidate") {
    w.deliver(B, at("192.0.2.66:666"), seen.data);
    w.deliver(B, at("192.0.2.66:666"), seen.data);
    CHECK(w.members[B].answers.size() == answers + 1);
  }
  CHECK(changes{w} == before);
}

TEST_CASE("an answer counts once and only from where its probe went", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none, 1, {20ms, 0ns, 0, 0}};
  auto& session = *w.members[A].session;
  nat_effects sent;
  const auto where = at("203.0.113.9:51820");
  session.start({w.members[B].pub, 1, {{net::candidate_kind::host, where}}, 0us}, {}, dawn, sent);
  const auto key = net::probe_key(w.members[B].key, w.members[A].pub).value();
  auto frame = net::decode_probe(*sent.frames.at(0).data, key).value();
  std::swap(frame.from, frame.to);
  frame.answer = true;
  nat_effects out;
  session.receive(at("203.0.113.9:51821"), net::encode(frame, key), dawn + 1ms, out);
  CHECK(out.events.empty());
  auto other = frame;
  other.transaction[0] ^= 1;
  session.receive(where, net::encode(other, key), dawn + 1ms, out);
  CHECK(out.events.empty());
  CHECK(session.counters().strays == 2);
  session.receive(where, net::encode(frame, key), dawn + 1ms, out);
  REQUIRE(out.events.size() == 1);
  session.receive(where, net::encode(frame, key), dawn + 2ms, out);
  CHECK(out.events.size() == 1);
  CHECK(out.frames.empty());
}

TEST_CASE("arriving probes alone prove nothing, however many", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  auto& session = *w.members[B].session;
  const auto key = net::probe_key(w.members[A].key, w.members[B].pub).value();
  auto frame = probe_of_a(w, 1);
  nat_effects out;
  session.start({w.members[A].pub, 1, w.members[A].candidates(), 0us}, {}, dawn, out);
  for (std::uint8_t i = 0; i < 201; ++i) { // all that B sends is lost
    frame.transaction[0] = i;
    const auto now = dawn + i * 10ms;
    session.receive(w.members[A].host, net::encode(frame, key), now, out);
    session.tick(now, out);
  }
  REQUIRE(out.events.size() == 1);
  CHECK(out.events[0].news == path_news::failed);
  // One for each until the run has sent what it may, whoever asks for more.
  CHECK(session.counters().answers_sent >= 90);
  CHECK(out.frames.size() == config::defaults::punch_packets_max);
}

TEST_CASE("a punch sends no more than it may, however many addresses and whatever arrives",
          "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  auto& session = *w.members[B].session;
  std::vector<net::candidate> many;
  for (std::uint16_t port = 1; port <= config::defaults::punch_candidates_max; ++port)
    many.push_back({net::candidate_kind::host, {at("203.0.113.50:1").address, port}});
  nat_effects out;
  session.start({w.members[A].pub, 1, many, 0us}, {}, dawn, out);
  const auto to_end = [&] {
    while (session.deadline()) {
      const auto due = *session.deadline();
      session.tick(due, out);
    }
  };
  SECTION("nobody answers") {
    to_end();
    CHECK(out.frames.size() == config::defaults::punch_probes_max);
  }
  SECTION("the peer probes without end") {
    const auto key = net::probe_key(w.members[A].key, w.members[B].pub).value();
    auto frame = probe_of_a(w, 1);
    for (int i = 0; i < 1000; ++i) {
      frame.transaction[0] = static_cast<std::uint8_t>(i);
      frame.transaction[1] = static_cast<std::uint8_t>(i >> 8);
      session.receive(w.members[A].host, net::encode(frame, key), dawn + i * 2ms, out);
    }
    to_end();
    CHECK(out.frames.size() == config::defaults::punch_packets_max);
  }
  CHECK(out.events.size() == 1);
}

TEST_CASE("answers to one peer are limited", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  auto& session = *w.members[B].session;
  const auto key = net::probe_key(w.members[A].key, w.members[B].pub).value();
  auto frame = probe_of_a(w, 0);
  nat_effects out;
  for (int i = 0; i < 1000; ++i) {
    frame.transaction[0] = static_cast<std::uint8_t>(i);
    frame.transaction[1] = static_cast<std::uint8_t>(i >> 8);
    session.receive(w.members[A].host, net::encode(frame, key), dawn, out);
  }
  CHECK(out.frames.size() == config::defaults::punch_answers_burst);
  CHECK(session.counters().over_rate == 1000 - config::defaults::punch_answers_burst);
  frame.transaction[2] = 1;
  session.receive(w.members[A].host, net::encode(frame, key), dawn + 5ms, out);
  CHECK(out.frames.size() == config::defaults::punch_answers_burst + 1);
}

TEST_CASE("addresses per session are bounded, listed and learned ones together", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  auto& session = *w.members[B].session;
  std::vector<net::candidate> many;
  for (std::uint16_t port = 1; port <= 100; ++port)
    many.push_back({net::candidate_kind::host, {at("203.0.113.50:1").address, port}});
  nat_effects out;
  session.start({w.members[A].pub, 1, many, 0us}, {}, dawn, out);
  CHECK(out.frames.size() == config::defaults::punch_candidates_max);
  const auto key = net::probe_key(w.members[A].key, w.members[B].pub).value();
  auto frame = probe_of_a(w, 1);
  nat_effects more;
  session.receive(w.members[A].host, net::encode(frame, key), dawn, more);
  CHECK(more.frames.size() == 1); // the answer, no probe
  CHECK(session.counters().full == 100 - config::defaults::punch_candidates_max + 1);
}

TEST_CASE("a peer cannot make us probe ourselves, a group, the tunnel or a missing family",
          "[nat]") {
  const std::vector<net::ip_address> hosts{at("192.168.1.5:1").address};
  CHECK_FALSE(may_probe(at("127.0.0.1:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("169.254.1.1:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("224.0.0.1:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("255.255.255.255:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("10.66.1.2:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("192.168.1.5:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("[2001:db8::1]:51820"), hosts, 51820));
  CHECK_FALSE(may_probe(at("[ff02::1]:51820"), {}, 51820));
  CHECK_FALSE(may_probe(at("203.0.113.1:0"), hosts, 51820));
  CHECK(may_probe(at("192.168.1.5:51821"), hosts, 51820));
  CHECK(may_probe(at("10.65.1.2:51820"), hosts, 51820));
  CHECK(may_probe(at("[2001:db8::1]:51820"), {at("[2001:db8::2]:1").address}, 51820));
  CHECK(may_probe(at("[2001:db8::1]:51820"), {}, 51820));
}
