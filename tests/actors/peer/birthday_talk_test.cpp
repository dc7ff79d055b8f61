#include "actors/peer/birthday_talk.hpp"
#include "config/birthday_defaults.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace std::chrono_literals;
using Catch::Contains;
namespace defaults = config::defaults;

namespace {

const auto dawn = msg::time_point{} + 1h;
const net::nat_report symmetric_nat{true, net::nat_behavior::address_and_port_dependent,
                                    net::nat_behavior::address_and_port_dependent};
const net::nat_report cone_nat{true, net::nat_behavior::endpoint_independent,
                               net::nat_behavior::address_and_port_dependent};

net::birthday_offer offer_of(bool symmetric, std::uint32_t network) {
  const auto seen = symmetric ? "198.51.100.1:40000" : "203.0.113.9:51820";
  return {symmetric, *net::endpoint::parse(seen), network, 0};
}

msg::own_paths own(bool symmetric, std::uint32_t network) {
  msg::own_paths out;
  out.nat = symmetric ? symmetric_nat : cone_nat;
  out.birthday_on = true;
  out.birthday = offer_of(symmetric, network);
  return out;
}

struct pair {
  birthday_talk one; ///< symmetric, the initiator
  birthday_talk two;
  pair() {
    one.ours(own(true, 1));
    two.ours(own(false, 2));
    one.theirs(two.offer());
    two.theirs(one.offer());
  }
  /// Whether both try it, with a punch that starts now.
  bool try_at(msg::time_point now) {
    const auto said = one.propose(now);
    const auto followed = two.follow(said ? std::optional{said->say} : one.offer(), now);
    CHECK(said.has_value() == followed.has_value());
    return followed.has_value();
  }
};

} // namespace

TEST_CASE("two that offer it and are of the two kinds try it once") {
  pair p;
  CHECK(p.one.open());
  const auto said = p.one.propose(dawn);
  REQUIRE(said);
  CHECK_FALSE(said->plan.guess);
  CHECK(said->plan.peer == p.two.offer()->seen);
  CHECK(said->say.with == 2);
  const auto plan = p.two.follow(said->say, dawn);
  REQUIRE(plan);
  CHECK(plan->guess);
  CHECK(plan->peer.address == p.one.offer()->seen.address);
  CHECK_FALSE(p.one.open());
  CHECK_FALSE(p.try_at(dawn + 1h));
}

TEST_CASE("it is tried again when either network changes, three times in three minutes") {
  for (const bool ours : {true, false}) {
    pair p;
    REQUIRE(p.try_at(dawn));
    const auto change = [&](std::uint32_t network) {
      if (ours)
        CHECK(p.one.ours(own(true, network)));
      else
        CHECK(p.two.ours(own(false, network)));
      p.one.theirs(p.two.offer());
      p.two.theirs(p.one.offer());
    };
    for (const std::uint32_t network : {3, 4}) {
      change(network);
      CHECK(p.try_at(dawn));
    }
    change(5);
    CHECK_FALSE(p.try_at(dawn + defaults::birthday_window));
    CHECK(p.try_at(dawn + defaults::birthday_propose_window));
  }
}

TEST_CASE("a peer that changes its network all the time is not followed more often") {
  pair p;
  int followed = 0;
  for (std::uint32_t i = 0; i < 600; ++i) {
    auto said = offer_of(true, 100 + i);
    said.with = 2;
    followed += p.two.follow(said, dawn + i * 1s).has_value();
  }
  CHECK(followed == 12); // three at once, and three after each three minutes
}

TEST_CASE("a proposal to a network that we have left is not followed") {
  pair p;
  const auto said = p.one.propose(dawn);
  REQUIRE(said);
  p.two.ours(own(false, 9));
  CHECK_FALSE(p.two.follow(said->say, dawn));
  p.one.theirs(p.two.offer());
  CHECK(p.try_at(dawn + 1s));
}

TEST_CASE("two of one kind, and one that does not offer it, never try") {
  for (const bool symmetric : {true, false}) {
    birthday_talk one;
    one.ours(own(symmetric, 1));
    CHECK_FALSE(one.open());
    one.theirs(offer_of(symmetric, 2));
    CHECK_FALSE(one.open());
    CHECK_FALSE(one.propose(dawn));
    auto said = offer_of(symmetric, 2);
    said.with = 1;
    CHECK_FALSE(one.follow(said, dawn));
  }
}

TEST_CASE("it says what keeps it from being tried, and what became of it") {
  birthday_talk off;
  auto here = own(true, 1);
  here.birthday_on = false;
  here.birthday.reset();
  off.ours(here);
  CHECK_THAT(off.in_vain(cone_nat), Contains("is off here"));
  CHECK_THAT(off.remedy(cone_nat), Contains("daemon.birthday_probing"));
  CHECK(off.in_vain(symmetric_nat).empty());
  CHECK(off.remedy(symmetric_nat).empty());

  birthday_talk alone;
  alone.ours(own(true, 1));
  CHECK_THAT(alone.in_vain(cone_nat), Contains("the peer does not offer it"));
  CHECK_THAT(alone.remedy(cone_nat), Contains("on both sides"));

  pair p;
  CHECK_THAT(p.one.in_vain(cone_nat), Contains("with the next punch"));
  REQUIRE(p.try_at(dawn));
  CHECK_THAT(p.one.in_vain(cone_nat), Contains("found nothing yet"));
  p.one.ended({256, false, {}});
  CHECK_THAT(p.one.in_vain(cone_nat), Contains("256 probes in vain"));
  p.one.ended({256, false, "nft: the program is not installed"});
  CHECK_THAT(p.one.in_vain(cone_nat), Contains("nft: the program is not installed"));
  CHECK(p.one.found().empty());
  p.two.ended({107, true, {}});
  CHECK(p.two.found() == "found by birthday probing after 107 probes");
}
