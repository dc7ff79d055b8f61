// A direct path that is a detour: longer than the way through a relay.
#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;

namespace {

constexpr auto far = 600ms; ///< the direct path, once it goes around the world

struct on_direct : driven_core {
  on_direct() {
    connect();
    give(msg::path_event{bob_key, core.saved().epoch, msg::path_news::proven, bob_at, 20ms, true});
    move_lands();
    answer(ticket_of<msg::probe_tunnel>(), 20ms);
    // Another relay came, and the legs are measured meanwhile.
    give(
        msg::own_legs{{{relay_number(1), 30ms}, {relay_number(2), 40ms}, {relay_number(3), 90ms}}});
    give(ranked());
  }
  actors::relays_ranked ranked() const {
    auto one = relay1(), two = relay2();
    one.forecast = {60ms, 60ms, 0us, 0, 20};
    two.forecast = {900ms, 900ms, 0us, 0, 20};
    return {ticket_of<msg::rank_relays>(), {one, two}};
  }
  /// The tunnel takes long, and the first relay's whole way is asked for.
  msg::check_path long_answer() {
    answer(wake_until_probe(), far);
    REQUIRE(said<msg::check_path>());
    const auto asked = *said<msg::check_path>();
    CHECK(asked.where == relay1_at);
    CHECK(asked.move == 0);
    CHECK_FALSE(said<msg::rank_relays>()); // nothing is decided yet
    return asked;
  }
  void checked(const msg::check_path& asked, std::chrono::nanoseconds rtt) {
    give(msg::path_event{bob_key, asked.number, msg::path_news::checked, asked.where, rtt});
  }
  void leave() {
    checked(long_answer(), 60ms);
    give(ranked());
    give(actors::index_learned{ticket_of<msg::learn_index>(), std::nullopt});
    REQUIRE(move_lands() == relay1_at);
  }
};

} // namespace

TEST_CASE("a direct path that got much longer than a relay's is left, with the session") {
  on_direct d;
  REQUIRE(d.view().how == msg::strategy::direct);
  d.leave();
  CHECK(d.view().relay == "relay1");
  CHECK(d.view().counters.lost == 0);
  CHECK(d.view().counters.reconnects == 0);
}

TEST_CASE("what slows the relay down as well is no reason to go there") {
  on_direct d;
  d.checked(d.long_answer(), 640ms);
  CHECK_FALSE(d.said<msg::rank_relays>());
  CHECK(d.view().how == msg::strategy::direct);
}

TEST_CASE("a detour that answers is not gone back to while it is one") {
  on_direct d;
  d.leave();
  d.answer(d.ticket_of<msg::probe_tunnel>(), 60ms);
  const auto rtt = GENERATE(600ms, 25ms);
  const auto until = d.now + 60s;
  bool back = false;
  while (!back && d.now < until) {
    d.wake();
    for (auto said = d.last; !said.empty() && !back;) {
      actors::effects next;
      for (const auto& each : said) {
        if (std::holds_alternative<msg::probe_tunnel>(each.what)) d.answer(each.asked, 60ms);
        if (const auto* asked = std::get_if<msg::check_path>(&each.what);
            asked && asked->where == bob_at) {
          back = back || asked->move != 0;
          d.checked(*asked, rtt);
        } else if (!std::holds_alternative<msg::probe_tunnel>(each.what)) {
          continue;
        }
        next.insert(next.end(), d.last.begin(), d.last.end());
      }
      said = next;
    }
  }
  CHECK(back == (rtt == 25ms));
  if (back) return;
  const auto why = d.core.explain(msg::time_point{d.now});
  const auto direct = std::find_if(why.paths.begin(), why.paths.end(),
                                   [](const auto& p) { return p.where == bob_at; });
  REQUIRE(direct != why.paths.end());
  CHECK(direct->verdict.find("takes clearly longer than the relay") != std::string::npos);
}

TEST_CASE("looking for a detour does not keep itself going") {
  on_direct d;
  auto seen = d.handshake(bob_at);
  int probes = 0;
  // Looks at WireGuard every 100 ms; every question is answered, and slowly over the direct path.
  const auto pass = [&](std::chrono::seconds time, bool traffic) {
    probes = 0;
    for (const auto until = d.now + time; d.now < until;) {
      const auto look = d.now + 100ms;
      const auto answer = [&] {
        for (int i = 0; i < 10; ++i) {
          const auto asked = d.said<msg::check_path>();
          if (d.said<msg::probe_tunnel>()) {
            ++probes;
            seen.rx += 80, seen.tx += 80; // as WireGuard's counters show
            d.answer(d.ticket_of<msg::probe_tunnel>(), 190ms);
          } else if (asked) {
            d.checked(*asked, asked->where == bob_at ? 190ms : 150ms);
          } else {
            break;
          }
        }
      };
      while (d.core.wake_at() && d.core.wake_at()->at <= msg::time_point{look})
        d.wake(), answer();
      d.now = look;
      if (traffic) seen.rx += 1'000, seen.tx += 1'000;
      d.give(seen), answer();
    }
    return probes;
  };
  CHECK(pass(30s, true) >= 3);    // it does look while there is traffic
  pass(30s, false);               // which ends
  CHECK(pass(300s, false) <= 12); // health checks, every 30 s
}
