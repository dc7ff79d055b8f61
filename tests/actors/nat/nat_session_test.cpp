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

/// Both proved one path, in both directions, and it is the same.
void require_same_path(nat_lab& w) {
  const auto a = w.members[A].news(path_news::proven);
  const auto b = w.members[B].news(path_news::proven);
  REQUIRE(!a.empty());
  REQUIRE(!b.empty());
  CHECK(w.works(A, a.back().where));
  CHECK(w.works(B, b.back().where));
  CHECK(w.seen_as(A, a.back().where) == b.back().where);
  CHECK(w.seen_as(B, b.back().where) == a.back().where);
}

void require_failed(nat_lab& w) {
  for (const auto& each : w.members) {
    CHECK(each.news(path_news::proven).empty());
    REQUIRE(each.news(path_news::failed).size() == 1);
    CHECK_FALSE(each.news(path_news::failed)[0].where.valid());
  }
}

/// No (address, transaction) answered twice, no answer answered.
void require_answers_once(nat_lab& w) {
  CHECK(w.answers_to_answers == 0);
  for (const auto& each : w.members)
    for (const auto& entry : each.answers)
      CHECK(each.answers.count(entry) == 1);
}

/// What B would send A: the probe of A turned round, as B's own or as its answer.
net::bytes from_b(const nat_lab& w, const msg::send_frame& probe, bool answer) {
  const auto key = net::probe_key(w.members[B].key, w.members[A].pub).value();
  auto frame = net::decode_probe(*probe.data, key).value();
  std::swap(frame.from, frame.to);
  frame.answer = answer;
  return net::encode(frame, key);
}

} // namespace

TEST_CASE("two cone NATs: both prove the same path in one round trip", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  w.start(A);
  w.start(B);
  w.run_for(3s);
  require_same_path(w);
  require_answers_once(w);
  for (int i : {A, B}) {
    const auto proven = w.members[i].news(path_news::proven);
    REQUIRE(proven.size() == 1);
    CHECK(proven[0].where == w.members[1 - i].reflexive());
    CHECK(proven[0].rtt == 40ms);
    CHECK(proven[0].epoch == 1);
    CHECK(proven[0].peer_ready);
    CHECK(w.members[i].news(path_news::failed).empty());
    // Round trip, and half of it in which the host candidate might still have won.
    CHECK(w.members[i].events[0].first == dawn + 60ms);
    CHECK(w.members[i].sent < 12);
    CHECK_FALSE(w.members[i].session->deadline());
  }
}

TEST_CASE("rounds of probes follow the first gap, its growth and its maximum", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  nat_effects out;
  auto& session = *w.members[A].session;
  session.start({w.members[B].pub, 1, {{net::candidate_kind::host, at("203.0.113.77:51820")}}, 0us},
                {}, dawn, out);
  std::vector<std::chrono::nanoseconds> sent{0ns};
  while (const auto due = session.deadline()) {
    nat_effects step;
    session.tick(*due, step);
    if (!step.frames.empty()) sent.push_back(*due - dawn);
    for (const auto& event : step.events) {
      CHECK(event.news == path_news::failed);
      CHECK(*due == dawn + 2s);
    }
  }
  REQUIRE(sent.size() == 16);
  CHECK(sent[1] == 20ms);
  CHECK(sent[2] == 46ms);
  CHECK(sent[3] == 79'800us);
  CHECK(sent[15] - sent[14] == 200ms);
  CHECK(sent[15] < 2s);
}

TEST_CASE("a start that was put off begins exactly then", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  w.start(A, 1, 15'000us);
  CHECK(w.members[A].sent == 0);
  CHECK(w.members[A].session->deadline() == dawn + 15ms);
  w.run_for(15ms);
  CHECK(w.members[A].probes == 2);
}

TEST_CASE("no start is put off for longer than the bound", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  w.start(A, 1, std::chrono::hours{1});
  CHECK(w.members[A].session->deadline() == dawn + config::defaults::punch_after_max);
}

TEST_CASE("a peer that started earlier ends the waiting", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(A);
  w.start(B, 1, 500'000us);
  w.run_for(100ms);
  require_same_path(w);
}

TEST_CASE("on one network the host addresses win over the reflexive ones", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone, 1, {}, true};
  const auto both = [&](int i) {
    auto list = w.members[i].candidates();
    list.push_back({net::candidate_kind::server_reflexive, at("198.51.100.1:51820")});
    return list;
  };
  w.start(A, both(B));
  w.start(B, both(A));
  w.run_for(3s);
  require_same_path(w);
  CHECK(w.members[A].news(path_news::proven)[0].where == w.members[B].host);
  CHECK(w.members[A].events[0].first == dawn + 2ms); // the best class: nothing to wait for
}

TEST_CASE("a better class that answers within the grace is the one reported", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  auto& session = *w.members[A].session;
  const auto host = at("203.0.113.50:1000");
  const auto far = at("203.0.113.51:1000");
  nat_effects sent;
  session.start({w.members[B].pub,
                 1,
                 {{net::candidate_kind::server_reflexive, far}, {net::candidate_kind::host, host}},
                 0us},
                {}, dawn, sent);
  REQUIRE(sent.frames.size() == 2);
  CHECK(sent.frames[0].to == host); // best class first
  const auto answer = [&](const msg::send_frame& probe) { return from_b(w, probe, true); };
  nat_effects out;
  session.receive(far, answer(sent.frames[1]), dawn + 10ms, out);
  CHECK(out.events.empty());
  CHECK(session.deadline() == dawn + 15ms);

  SECTION("it wins") {
    session.receive(host, answer(sent.frames[0]), dawn + 14ms, out);
    REQUIRE(out.events.size() == 1);
    CHECK(out.events[0].where == host);
    CHECK(out.events[0].rtt == 14ms);
  }
  SECTION("later it is further news") {
    session.tick(dawn + 15ms, out);
    REQUIRE(out.events.size() == 1);
    CHECK(out.events[0].where == far);
    session.receive(host, answer(sent.frames[0]), dawn + 18ms, out);
    REQUIRE(out.events.size() == 2);
    CHECK(out.events[1].news == path_news::proven);
    CHECK(out.events[1].where == host);
  }
  SECTION("a clearly longer way is none, whatever its class") {
    session.tick(dawn + 15ms, out);
    session.receive(host, answer(sent.frames[0]), dawn + 50ms, out);
    CHECK(out.events.size() == 1);
  }
}

TEST_CASE("IPv6 that the peer opens after IPv4 was told of is tried once more", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  auto& session = *w.members[A].session;
  const auto four = at("203.0.113.50:1000");
  const auto six = at("[2001:db8::50]:1000");
  nat_effects sent;
  session.start({w.members[B].pub,
                 1,
                 {{net::candidate_kind::server_reflexive, four},
                  {net::candidate_kind::server_reflexive, six}},
                 0us},
                {}, dawn, sent);
  REQUIRE(sent.frames.size() == 2);
  const auto& to_four = sent.frames[sent.frames[0].to == four ? 0 : 1];
  nat_effects out;
  session.receive(four, from_b(w, to_four, true), dawn + 10ms, out);
  REQUIRE(out.events.size() == 1);
  CHECK(out.events[0].where == four);

  out = {};
  session.receive(six, from_b(w, to_four, false), dawn + 20ms, out); // the peer's own first probe
  REQUIRE(out.frames.size() == 2);                                   // answered, and asked in turn
  const auto asked = out.frames[out.frames[0].data->size() == to_four.data->size() ? 0 : 1];
  CHECK(asked.to == six);

  SECTION("and taken") {
    session.receive(six, from_b(w, asked, true), dawn + 30ms, out);
    REQUIRE(out.events.size() == 1);
    CHECK(out.events[0].news == path_news::proven);
    CHECK(out.events[0].where == six);
  }
  SECTION("and taken as soon as one round trip of it is short") {
    session.receive(six, from_b(w, sent.frames[sent.frames[0].to == six ? 0 : 1], true),
                    dawn + 28ms, out);
    CHECK(out.events.empty());
    session.receive(six, from_b(w, asked, true), dawn + 30ms, out);
    REQUIRE(out.events.size() == 1);
    CHECK(out.events[0].where == six);
  }
}

TEST_CASE("a peer-reflexive address is probed at once and proven", "[nat]") {
  // A full cone hears the symmetric side from a port nobody announced.
  nat_lab w{nat_kind::full_cone, nat_kind::symmetric};
  w.start(A);
  w.start(B);
  w.run_for(3s);
  require_same_path(w);
  const auto proven = w.members[A].news(path_news::proven)[0];
  CHECK(proven.where != w.members[B].reflexive());
  CHECK(proven.where.address == w.members[B].reflexive().address);
  CHECK(w.members[A].events[0].first == dawn + 60ms); // heard at 20, proven at 60, best of its kind
  require_answers_once(w);
}

TEST_CASE("a symmetric NAT before a port-restricted one: both fail at the deadline", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::symmetric};
  w.start(A);
  w.start(B);
  w.run_for(3s);
  require_failed(w);
  for (const auto& each : w.members) {
    CHECK(each.events[0].first == dawn + 2s);
    CHECK(each.sent <= 16 * 2);
  }
}

TEST_CASE("cone NATs that drop tolerate a skew of 100 ms", "[nat]") {
  for (const int early : {A, B}) {
    nat_lab w{nat_kind::cone, nat_kind::cone};
    w.start(early);
    w.run_for(100ms);
    w.start(1 - early);
    w.run_for(3s);
    require_same_path(w);
    require_answers_once(w);
  }
}

TEST_CASE("a NAT that rejects: together it works, a skew over the one-way delay loses the port",
          "[nat]") {
  for (const auto skew : {0ms, 5ms, 15ms}) {
    nat_lab w{nat_kind::stealing, nat_kind::stealing};
    w.start(A);
    w.run_for(skew);
    w.start(B);
    w.run_for(3s);
    require_same_path(w);
  }
  nat_lab late{nat_kind::stealing, nat_kind::stealing};
  late.start(A);
  late.run_for(100ms);
  late.start(B);
  late.run_for(3s);
  require_failed(late);
}

TEST_CASE("the agreed delay makes up for the skew of a rejecting NAT", "[nat]") {
  nat_lab w{nat_kind::stealing, nat_kind::stealing};
  w.start(A, 1, 100'000us);
  w.run_for(100ms - 1us);
  w.start(B);
  w.run_for(3s);
  require_same_path(w);
}

TEST_CASE("loss, duplicates and reordering cost time, not truth", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone, 7, {20ms, 30ms, 30, 30}};
  w.start(A);
  w.start(B);
  w.run_for(5s);
  for (const int i : {A, B}) {
    const auto proven = w.members[i].news(path_news::proven);
    REQUIRE(!proven.empty());
    CHECK(w.works(i, proven.back().where));
  }
  require_answers_once(w);
}

TEST_CASE("a probe is answered although nobody punches, and remembered for the session to come",
          "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(A, 5);
  w.run_for(25ms);
  CHECK(w.members[B].probes == 0);
  CHECK(w.members[B].answers.size() >= 1);
  w.start(B, {}, 5, 400'000us); // no candidates at all: what it heard is enough, and at once
  CHECK(w.members[B].probes == 1);
  w.run_for(1s);
  require_same_path(w);
}

TEST_CASE("what was heard for another epoch is not a candidate of this one", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  w.start(A, 5);
  w.run_for(25ms);
  w.start(B, {}, 6);
  CHECK(w.members[B].probes == 0);
}

TEST_CASE("one address listed twice is probed once", "[nat]") {
  nat_lab w{nat_kind::none, nat_kind::none};
  const auto where = w.members[B].host;
  w.start(A, {{net::candidate_kind::server_reflexive, where}, {net::candidate_kind::host, where}});
  CHECK(w.members[A].probes == 1);
}

TEST_CASE("a run remembers of each address how often it was probed and what came back", "[nat]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  CHECK(w.members[A].session->tried().empty());
  w.start(A);
  w.start(B);
  w.run_for(3s);
  const auto tried = w.members[A].session->tried();
  REQUIRE(tried.size() == 2);
  CHECK(tried[0].what == w.members[B].candidates()[0]); // a private address of another network
  CHECK(tried[0].sent > 0);
  CHECK(tried[0].answered == 0);
  CHECK_FALSE(tried[0].heard);
  CHECK_FALSE(tried[0].rtt);
  CHECK(tried[1].what == w.members[B].candidates()[1]);
  CHECK(tried[1].answered > 0);
  CHECK(tried[1].answered <= tried[1].sent);
  CHECK(tried[1].heard);
  CHECK(tried[1].rtt == 40ms);
  std::size_t probes = 0;
  for (const auto& each : tried)
    probes += each.sent;
  CHECK(probes == w.members[A].probes);
  w.start(A, {}, 2);
  CHECK(w.members[A].session->tried().empty());
}
