#include "actors/peer/negotiation.hpp"
#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

#include <deque>

using namespace lanrage;
using namespace lanrage::test;
namespace defaults = config::defaults;

namespace {

const msg::time_point dawn{24h};

net::peer_signal offer_of(std::vector<net::endpoint> from) {
  net::peer_signal out;
  out.kind = net::signal_kind::offer;
  for (const auto& each : from)
    out.candidates.push_back(candidate_at(each));
  return out;
}
net::peer_record record_with(std::vector<net::endpoint> from) {
  auto out = record_of("bob", 2);
  out.candidates = offer_of(std::move(from)).candidates;
  return out;
}

} // namespace

TEST_CASE("candidates age from their arrival: asked for anew after 300 s, lapsed after 600 s") {
  actors::negotiation talk{true, 1};
  CHECK(talk.candidates_lapsed(dawn)); // none yet
  talk.hear(offer_of({bob_at}), dawn);
  CHECK_FALSE(talk.candidates_aged(dawn + 300s - 1ns));
  CHECK(talk.candidates_aged(dawn + 300s));
  CHECK_FALSE(talk.candidates_lapsed(dawn + 600s - 1ns));
  CHECK(talk.candidates_lapsed(dawn + 600s));
}

TEST_CASE(
    "the same candidates told again count from then, and are news only when they had lapsed") {
  actors::negotiation talk{true, 1};
  talk.hear(offer_of({bob_at}), dawn);
  CHECK_FALSE(talk.hear(offer_of({bob_at}), dawn + 600s - 1ns).candidates);
  CHECK_FALSE(talk.candidates_aged(dawn + 800s));
  const auto over = dawn + 600s - 1ns + 600s;
  CHECK(talk.candidates_lapsed(over));
  CHECK(talk.hear(offer_of({bob_at}), over).candidates);
  CHECK_FALSE(talk.candidates_lapsed(over));
}

TEST_CASE("a record's candidates are as old as its last confirmation") {
  actors::negotiation talk{true, 1};
  talk.record(record_with({bob_at}), std::nullopt, dawn); // from the last daemon's file
  CHECK(talk.candidates_lapsed(dawn));
  talk.record(record_with({bob_at}), dawn - 600s + 1ns, dawn);
  CHECK_FALSE(talk.candidates_lapsed(dawn));
  CHECK(talk.candidates_lapsed(dawn + 1ns));

  SECTION("an older confirmation of the same ones makes them no older") {
    talk.hear(offer_of({bob_at}), dawn);
    CHECK_FALSE(talk.record(record_with({bob_at}), dawn - 1h, dawn).candidates);
    CHECK_FALSE(talk.candidates_aged(dawn + 1s));
  }
  SECTION("other ones are as old as they are") {
    talk.hear(offer_of({bob_at}), dawn);
    CHECK(talk.record(record_with({alice_at}), dawn - 400s, dawn).candidates);
    CHECK(talk.candidates_aged(dawn));
    CHECK_FALSE(talk.candidates_lapsed(dawn));
  }
}

namespace {

/// Connected by relay; from now on every punch fails at once. Runs until `end`, and says when there
/// was a punch and when an offer.
struct relayed : driven_core {
  std::vector<std::chrono::nanoseconds> punched, offered;
  bool answers = false; ///< the peer answers offers with the same candidates

  relayed() {
    connect();
    look();
  }
  void run(std::chrono::nanoseconds end) {
    while (core.wake_at() &&
           std::chrono::nanoseconds{core.wake_at()->at.time_since_epoch()} <= end) {
      wake();
      look();
    }
    now = end;
  }
  void look() {
    std::deque<actors::effect> news{last.begin(), last.end()};
    const auto react = [&](const actors::event& to) {
      give(to);
      news.insert(news.end(), last.begin(), last.end());
    };
    for (; !news.empty(); news.pop_front()) {
      const auto each = news.front();
      if (const auto* punch = std::get_if<msg::start_punch>(&each.what)) {
        punched.push_back(now);
        react(msg::path_event{bob_key, punch->epoch, msg::path_news::failed, {}, {}, true});
      } else if (std::holds_alternative<msg::probe_tunnel>(each.what)) {
        react(actors::tunnel_report{each.asked, actors::probe_outcome::answered, 50ms});
      } else if (const auto* said = std::get_if<msg::send_signal>(&each.what);
                 said && said->signal.kind == net::signal_kind::offer) {
        offered.push_back(now);
        if (answers) react(offer());
      }
    }
  }
};

} // namespace

TEST_CASE("a relayed pair asks for candidates anew and punches on while the peer tells them") {
  relayed d;
  d.answers = true;
  d.run(1h);
  CHECK(d.punched.size() >= 12); // every five minutes in the end
  CHECK(d.punched.back() > 55min);
  d.offered.clear();
  d.run(2h);
  CHECK(d.offered.size() >= 10);
  CHECK(d.offered.size() <= 14);
}

TEST_CASE("nobody is probed for candidates that lapsed; told again they are tried at once") {
  relayed d;
  const auto told = d.now;
  d.run(1h);
  REQUIRE(d.punched.size() >= 4);
  CHECK(d.punched.back() < told + defaults::candidates_lifetime);
  CHECK(d.offered.size() >= 10); // it goes on asking
  CHECK(d.offered.size() <= 20);
  CHECK(d.core.explain(d.clock().at).paths.back().verdict ==
        "the peer's addresses are too old to be tried, and it tells no new ones");
  const auto before = d.punched.size();
  d.give(d.offer());
  d.look();
  REQUIRE(d.punched.size() == before + 1);
  CHECK(d.punched.back() == d.now);
}
