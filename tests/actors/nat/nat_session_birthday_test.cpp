#include "actors/nat/nat_session.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using msg::path_news;
namespace defaults = config::defaults;

namespace {

const auto cone_seen = at("203.0.113.9:40000");
const auto symmetric_seen = at("198.51.100.1:1");
const auto hit = at("198.51.100.1:23456"); ///< the public port of the spare port below
constexpr std::uint16_t spare = 61'077;
constexpr auto half_way = 20ms;

/// The symmetric member 0 and the guessing member 1. Nothing is delivered but what a test delivers.
struct pair {
  net::wg_private_key keys[2];
  net::wg_public_key pubs[2];
  std::optional<nat_session> sessions[2];
  std::vector<msg::send_frame> sent[2];
  std::vector<msg::path_event> events[2];
  time_point now = dawn;

  explicit pair(bool planned = true) {
    const auto random = seeded(5);
    for (auto& key : keys)
      key = net::generate_x25519<net::wg_private_key>(random);
    for (int i : {0, 1})
      pubs[i] = net::public_key(keys[i]);
    for (int i : {0, 1}) {
      const auto key = net::probe_key(keys[i], pubs[1 - i]).value();
      sessions[i].emplace(session_identity{pubs[i], pubs[1 - i], key}, seeded(10 + i));
      msg::start_punch order{pubs[1 - i], 1, {}, {}};
      order.candidates.push_back(
          {net::candidate_kind::server_reflexive, i == 0 ? cone_seen : symmetric_seen});
      if (planned) order.birthday = msg::birthday_plan{i == 1, i == 0 ? cone_seen : symmetric_seen};
      act(i, [&](auto& s, auto& out) { s.expect(true, now, out); });
      act(i, [&](auto& s, auto& out) {
        s.start(order, {{at("10.0.0.2:1").address}, 51'820}, now, out);
      });
    }
  }
  template <class F>
  void act(int i, F call) {
    nat_effects out;
    call(*sessions[i], out);
    for (auto& each : out.frames)
      sent[i].push_back(each);
    for (auto& each : out.events)
      events[i].push_back(each);
  }
  void run_until(time_point end) {
    for (;;) {
      std::optional<time_point> next;
      for (auto& each : sessions)
        if (const auto due = each->deadline()) next = next ? std::min(*next, *due) : *due;
      if (!next || *next > end) break;
      now = std::max(now, *next);
      for (int i : {0, 1})
        act(i, [&](auto& s, auto& out) { s.tick(now, out); });
    }
    now = end;
  }
  void deliver(int to, const net::endpoint& from, const msg::send_frame& what,
               std::uint16_t at_port = 0) {
    now += half_way;
    act(to, [&](auto& s, auto& out) { s.receive(from, *what.data, now, out, at_port); });
  }
  /// A guess of member 1.
  msg::send_frame guess() {
    run_until(dawn + defaults::punch_deadline + defaults::birthday_lead + 100ms);
    for (const auto& each : sent[1])
      if (each.to != symmetric_seen) return each;
    FAIL("nothing was guessed");
    return {};
  }
  const msg::send_frame& last(int i) { return sent[i].back(); }
};

} // namespace

TEST_CASE("nothing is guessed where nothing was agreed, or before punching was in vain", "[nat]") {
  pair none{false};
  none.run_until(dawn + 10s);
  pair p;
  p.run_until(dawn + defaults::punch_deadline - 1ms);
  for (const auto* each : {&none, &p})
    for (int i : {0, 1})
      for (const auto& frame : each->sent[i]) {
        CHECK(frame.from_port == 0);
        CHECK(frame.to == (i == 0 ? cone_seen : symmetric_seen));
      }
}

TEST_CASE("a guess that arrives is answered, rewritten for, and the path proven", "[nat]") {
  pair p;
  const auto guess = p.guess();
  CHECK(guess.to.address == symmetric_seen.address);
  p.deliver(0, cone_seen, guess, spare);
  REQUIRE(p.sessions[0]->rewrite());
  CHECK(*p.sessions[0]->rewrite() == net::port_rewrite{cone_seen, spare});
  const auto answer = p.last(0);
  CHECK(answer.from_port == spare);
  CHECK(answer.to == cone_seen);

  p.deliver(1, guess.to, answer);
  REQUIRE(p.events[1].size() == 1);
  CHECK(p.events[1][0].news == path_news::proven);
  CHECK(p.events[1][0].where == guess.to);
  CHECK(p.events[1][0].rtt > 2 * half_way); // from when the guess left
  REQUIRE(p.events[1][0].birthday);
  CHECK(p.events[1][0].birthday->found);
  CHECK_FALSE(p.events[1][0].rewritten);

  CHECK(p.events[0].empty()); // not proven before it is WireGuard's port that is answered
  p.act(0, [&](auto& s, auto& out) { s.rewritten(std::nullopt, p.now, out); });
  const auto probe = p.last(0);
  CHECK(probe.from_port == 0);
  CHECK(probe.to == cone_seen);
  p.deliver(1, guess.to, probe);
  p.deliver(0, cone_seen, p.last(1));
  REQUIRE(p.events[0].size() == 1);
  CHECK(p.events[0][0].news == path_news::proven);
  CHECK(p.events[0][0].where == cone_seen);
  CHECK(p.events[0][0].rewritten);
  CHECK(p.events[0][0].birthday->found);
  const auto before = p.sent[1].size();
  p.run_until(p.now + 30s);
  for (auto i = before; i < p.sent[1].size(); ++i)
    CHECK(p.sent[1][i].to == guess.to); // nobody guesses on
}

TEST_CASE("a second guess, a repeated one and a stranger's word at a spare port do nothing",
          "[nat]") {
  pair p;
  const auto guess = p.guess();
  p.deliver(0, cone_seen, guess, spare);
  const auto count = p.sent[0].size();
  p.deliver(0, cone_seen, guess, spare);
  p.deliver(0, cone_seen, guess, spare + 1);
  p.deliver(0, at("192.0.2.66:1"), guess, spare);
  auto forged = net::bytes{*guess.data};
  forged[30] ^= 1;
  p.deliver(0, cone_seen, {guess.to, std::make_shared<const net::bytes>(forged)}, spare);
  CHECK(p.sent[0].size() == count);
  CHECK(*p.sessions[0]->rewrite() == net::port_rewrite{cone_seen, spare});
}

TEST_CASE("a guess recorded from another run, or after the run, rewrites nothing", "[nat]") {
  pair p;
  const auto guess = p.guess();
  p.run_until(dawn + 10s);
  CHECK(p.events[0].back().news == path_news::failed);
  CHECK(p.events[0].back().birthday->probes == 256);
  CHECK(p.events[1].back().birthday->probes == 1'024);
  CHECK_FALSE(p.events[1].back().birthday->found);
  p.deliver(0, cone_seen, guess, spare);
  CHECK_FALSE(p.sessions[0]->rewrite());
}

TEST_CASE("a rewrite that the kernel refuses ends the run, and says why", "[nat]") {
  pair p;
  p.deliver(0, cone_seen, p.guess(), spare);
  const auto why = net::fail(net::errc::bad_state, "nft: the program is not installed");
  p.act(0, [&](auto& s, auto& out) { s.rewritten(why, p.now, out); });
  CHECK_FALSE(p.sessions[0]->rewrite());
  REQUIRE(p.events[0].size() == 1);
  CHECK(p.events[0][0].news == path_news::failed);
  CHECK(p.events[0][0].birthday->problem.find("not installed") != std::string::npos);
}

TEST_CASE("a rewrite is kept while its path may come back, and no longer", "[nat]") {
  pair p;
  p.sessions[0]->adopt({cone_seen, spare});
  const auto fail_at = [&](time_point when, std::uint32_t epoch) {
    p.now = when;
    msg::start_punch order{p.pubs[1], epoch, {}, {}};
    p.act(0, [&](auto& s, auto& out) { s.start(order, {{}, 51'820}, p.now, out); });
    p.run_until(when + 3s);
    CHECK(p.events[0].back().news == path_news::failed);
  };
  fail_at(dawn + 10s, 2);
  CHECK(p.sessions[0]->rewrite());
  p.sessions[0]->heard_from(cone_seen);
  fail_at(dawn + 200s, 3);
  CHECK(p.sessions[0]->rewrite());
  fail_at(dawn + 300s, 4);
  CHECK(p.sessions[0]->rewrite());
  fail_at(dawn + 400s, 5);
  CHECK_FALSE(p.sessions[0]->rewrite());

  p.sessions[0]->adopt({cone_seen, spare});
  p.sessions[0]->release(hit);
  CHECK(p.sessions[0]->rewrite());
  p.sessions[0]->release(cone_seen);
  CHECK_FALSE(p.sessions[0]->rewrite());
}
