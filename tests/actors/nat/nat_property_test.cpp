#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using msg::path_news;

TEST_CASE("under any NATs, loss, duplicates, jitter and skew only working paths are proven",
          "[nat][property]") {
  constexpr std::array kinds{nat_kind::none, nat_kind::full_cone, nat_kind::cone,
                             nat_kind::symmetric, nat_kind::stealing};
  std::size_t proven_runs = 0;
  std::size_t failed_runs = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    lanrage::test::splitmix draw{seed};
    const auto a = kinds[draw.below(kinds.size())];
    const auto b = kinds[draw.below(kinds.size())];
    weather sky;
    sky.delay = std::chrono::milliseconds{1 + draw.below(80)};
    sky.jitter = std::chrono::milliseconds{draw.below(30)};
    sky.loss_percent = static_cast<unsigned>(draw.below(50));
    sky.duplicate_percent = static_cast<unsigned>(draw.below(50));
    nat_lab w{a, b, seed, sky};
    const int early = static_cast<int>(draw.below(2));
    w.start(early, 3);
    w.run_for(std::chrono::milliseconds{draw.below(200)});
    w.start(1 - early, 3);
    w.run_for(4s);

    CHECK(w.answers_to_answers == 0);
    for (const int i : {0, 1}) {
      auto& own = w.members[i];
      const auto proven = own.news(path_news::proven);
      const auto failed = own.news(path_news::failed);
      CHECK(proven.empty() != failed.empty());
      for (const auto& event : proven) {
        CHECK(w.works(i, event.where));
        CHECK(event.rtt >= 2 * sky.delay);
      }
      (proven.empty() ? failed_runs : proven_runs) += 1;
      for (const auto& entry : own.answers)
        CHECK(own.answers.count(entry) == 1);
      // 16 rounds to 2 listed addresses and what was learned; answers to the same of the peer.
      CHECK(own.probes <= 16 * 4);
      CHECK(own.sent <= 2 * 16 * 4);
      CHECK_FALSE(own.session->deadline());
    }

    // Whoever nominates: nominated on the initiator only if on the responder, on the same path.
    const auto choice = w.members[0].news(path_news::proven);
    if (choice.empty()) continue;
    w.nominate(0, choice.back().where, 3);
    w.run_for(2s);
    const auto initiator = w.members[0].news(path_news::nominated);
    const auto responder = w.members[1].news(path_news::nominated);
    CHECK(initiator.size() <= 1);
    if (!initiator.empty()) {
      REQUIRE(responder.size() == 1);
      CHECK(responder[0].where == w.seen_as(0, initiator[0].where));
    }
    CHECK_FALSE(w.members[0].session->deadline());
  }
  // The property is not empty.
  CHECK(proven_runs > 100);
  CHECK(failed_runs > 50);
}

TEST_CASE("random octets and altered frames never move a session", "[nat][property]") {
  nat_lab w{nat_kind::cone, nat_kind::cone};
  w.start(0);
  w.start(1);
  w.run_for(50ms);
  const auto heard = w.delivered;
  REQUIRE(!heard.empty());
  lanrage::test::splitmix draw{99};
  const auto events = w.members[0].events.size() + w.members[1].events.size();
  const auto sent = w.members[0].sent + w.members[1].sent;
  for (int i = 0; i < 5000; ++i) {
    const auto& model = heard[draw.below(heard.size())];
    auto data = model.data;
    data[draw.below(data.size())] ^= static_cast<std::uint8_t>(1 + draw.below(255));
    if (draw.below(4) == 0) data.resize(draw.below(data.size()));
    w.deliver(model.to, model.from, data);
  }
  CHECK(w.members[0].events.size() + w.members[1].events.size() == events);
  CHECK(w.members[0].sent + w.members[1].sent == sent);
}
