// The product of both ends: stories of two connections in which every fate of the first messages
// between them, and every moment at which something else happens, is run to its end.
#include "tests/support/every_way.hpp"
#include "tests/support/two_cores.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <iostream>
#include <set>
#include <type_traits>

using namespace lanrage;
using namespace lanrage::test;
namespace defaults = config::defaults;

namespace {

/// With two ends that both send into a path that does not carry, while another one does.
constexpr nanos stuck_at_most = 2s;

/// What all runs of a story saw.
struct explored {
  std::size_t runs = 0;
  std::set<std::size_t> states; ///< of both ends together
  nanos worst{};                ///< the longest that both sent into the void

  void print(const char* story) const {
    std::cout << "path fates, " << story << ": " << runs << " runs, " << states.size()
              << " states, at most " << worst.count() / 1'000'000 << " ms with both ends stuck\n";
  }
};

/// One run: two ends, and what is held against them after each event.
class run {
 public:
  run(every_way& choices, explored& what) : ways(choices), all(what) { world.can_punch = false; }

  /// Connected over relay1.
  void connect() {
    world.start();
    REQUIRE(world.run_until([&] { return up(0) && up(1); }, 2s));
    world.watch = [this] { look(); };
  }
  /// And used by people.
  void play() {
    connect();
    world.carry_traffic();
    world.run_for(3s);
  }
  /// On a slow relay, and the initiator is about to try the other one.
  void play_slowly() {
    world.relays[relay1_at] = 110ms;
    connect();
    world.carry_traffic();
    REQUIRE(world.run_until([&] { return world.view(0).at == msg::phase::trialling; }, 5s, 5ms));
  }

  /// From here on the next messages between the two are delivered, lost or late, in every way.
  void doubtful(std::size_t messages) {
    world.fate = [this, messages, decided = std::size_t{0}]() mutable -> std::optional<nanos> {
      if (decided++ >= messages) return nanos{0};
      switch (ways.choose(3)) {
      case 0:
        return nanos{0};
      case 1:
        return std::nullopt;
      default:
        return late_by;
      }
    };
  }
  /// One of `steps` moments, that far apart, beginning now.
  nanos moment(std::size_t steps, nanos apart) {
    return apart * static_cast<std::int64_t>(ways.choose(steps));
  }
  /// One of so many alternatives.
  std::size_t one_of(std::size_t options) { return ways.choose(options); }

  bool up(std::size_t who) const {
    const auto at = world.view(who).at;
    return at == msg::phase::connected || at == msg::phase::degraded;
  }
  bool arrives(std::size_t who, const net::endpoint& where) const {
    return world.is_up(where) && world.carries(who, where);
  }
  bool sends_in_vain(std::size_t who) const {
    const auto& where = world.sides[who].where;
    return !where || !arrives(who, *where);
  }
  /// Some path carries both ways.
  bool way_out() const {
    for (const auto& relay : {relay1_at, relay2_at})
      if (arrives(0, relay) && arrives(1, relay)) return true;
    return world.can_punch && arrives(0, bob_at) && arrives(1, alice_at);
  }
  bool on(const net::endpoint& where) const {
    return world.sides[0].where == where || world.sides[1].where == where;
  }
  bool same_path() const {
    const auto& one = world.sides[0].where;
    return one && world.sides[1].where == world.as_seen(0, *one);
  }

  void both_arrive() const {
    if (sends_in_vain(0) || sends_in_vain(1)) FAIL("packets are lost");
  }
  /// What holds at the end of every run: a session of both, over one path that carries, and the
  /// ends know which.
  void settled(int handshakes_at_most, nanos stuck = stuck_at_most) {
    look();
    REQUIRE(all.worst <= stuck);
    both_arrive();
    if (!same_path()) { // each follows the other's packets: until they pause, or for ever
      world.sides[0].traffic = world.sides[1].traffic = false;
      world.run_for(defaults::check_interval + 1s);
    }
    REQUIRE(same_path());
    for (std::size_t who = 0; who < 2; ++who) {
      REQUIRE(up(who));
      REQUIRE(world.view(who).where == world.sides[who].where);
    }
    REQUIRE(world.sides[0].session == world.sides[1].session);
    REQUIRE(world.handshakes <= handshakes_at_most);
    REQUIRE(world.sides[1].initiations == 0);
    ++all.runs;
  }

  two_cores world;
  nanos late_by = 150ms;               ///< behind what is sent after it
  std::function<void()> holds = [] {}; ///< more that must hold after each event

 private:
  void look() {
    const bool stuck = sends_in_vain(0) && sends_in_vain(1) && way_out();
    if (!stuck)
      stuck_since_.reset();
    else if (!stuck_since_)
      stuck_since_ = world.now;
    if (stuck_since_) all.worst = std::max(all.worst, world.now - *stuck_since_);
    all.states.insert(state());
    holds();
  }
  std::size_t state() const {
    std::size_t out = 0;
    const auto add = [&](const auto& part) {
      out = out * 1'000'003 + std::hash<std::decay_t<decltype(part)>>{}(part);
    };
    const auto add_place = [&](const std::optional<net::endpoint>& where) {
      add(where ? where->port : 0);
      add(where ? where->address.to_v4() : 0u);
    };
    for (const auto& side : world.sides) {
      const auto seen = side.core.view();
      const auto due = side.core.wake_at();
      add(static_cast<int>(seen.at));
      add(seen.reason);
      add_place(seen.where);
      add_place(side.where);
      add(side.held.has_value());
      add(seen.counters.path_changes);
      add(seen.counters.lost);
      add(side.session);
      add(due ? (due->at - world.clock().at).count() / 1'000'000 : -1);
    }
    return out;
  }

  every_way& ways;
  explored& all;
  std::optional<nanos> stuck_since_;
};

/// Runs a story in every way; a failed run names itself.
template <class Story>
explored in_every_way(const char* name, Story story) {
  explored all;
  every_way ways;
  do {
    INFO(name << ", run " << all.runs + 1);
    run one{ways, all};
    story(one);
  } while (ways.next());
  all.print(name);
  return all;
}

} // namespace

TEST_CASE("whatever is lost or late, both ends leave a dead path for the one that lives") {
  const auto all = in_every_way("a relay dies under traffic", [](run& r) {
    r.play();
    r.doubtful(7);
    r.world.relays.erase(relay1_at);
    r.world.run_for(4s);
    r.settled(1, 600ms);
    REQUIRE(r.on(relay2_at));
  });
  CHECK(all.runs == 2'187);
  CHECK(all.states.size() > 600);
}

TEST_CASE("both ends of an idle pair that notice a dead path at once leave it") {
  const auto all = in_every_way("both notice at once", [](run& r) {
    r.connect();
    r.world.run_for(2s);
    r.world.relays.erase(relay1_at);
    const auto second = r.moment(3, 10ms); // behind the first
    const auto first = r.one_of(2);
    r.doubtful(6);
    r.world.give(first, msg::network_changed{});
    r.world.run_for(second);
    r.world.give(1 - first, msg::network_changed{});
    r.world.run_for(4s);
    r.settled(1, 500ms);
    REQUIRE(r.on(relay2_at));
  });
  CHECK(all.runs > 3'000);
  CHECK(all.states.size() > 600);
}

TEST_CASE("a planned move that is told in vain, late or out of order leaves nobody behind") {
  const auto all = in_every_way("relay to relay", [](run& r) {
    r.play_slowly();
    r.doubtful(7);
    r.holds = [&] { r.both_arrive(); }; // both relays live all the time
    r.world.run_for(6s);
    r.settled(1);
    REQUIRE(r.on(relay2_at)); // lost words only cost time
  });
  CHECK(all.runs > 2'000);
  CHECK(all.states.size() > 600);
}

TEST_CASE("what was told of a move that is over, and comes after the next one, moves nobody") {
  const auto all = in_every_way("relay to relay and back", [](run& r) {
    r.world.relays[relay2_at] = 115ms; // no faster than the one in use
    r.late_by = 600ms;
    r.play_slowly();
    r.doubtful(7);
    r.holds = [&] { r.both_arrive(); };
    r.world.run_for(8s);
    r.settled(1);
    for (const std::size_t who : {0, 1}) // there and back, once
      REQUIRE(r.world.view(who).counters.path_changes == 2);
    REQUIRE(r.on(relay1_at));
  });
  CHECK(all.runs > 2'000);
  CHECK(all.states.size() > 300);
}

TEST_CASE("nobody follows a planned move to a path that carries one way only") {
  const auto all = in_every_way("relay to half a relay", [](run& r) {
    const auto mute = r.one_of(2);
    r.world.carries = [mute](std::size_t who, const net::endpoint& where) {
      return who != mute || where != relay2_at;
    };
    r.play_slowly();
    r.doubtful(6);
    r.holds = [&] {
      if (r.on(relay2_at)) FAIL("somebody went there");
    };
    r.world.run_for(6s);
    r.settled(1);
  });
  CHECK(all.runs > 1'000);
  CHECK(all.states.size() > 600);
}

TEST_CASE("a planned move to a path that stops to carry on the way ends on one that does") {
  const auto all = in_every_way("the new relay dies, or half of it", [](run& r) {
    r.play_slowly();
    const auto after = r.moment(16, 25ms);
    const auto what = r.one_of(3); // who is not heard over it; 2: nobody is
    r.doubtful(3);
    r.world.run_for(after);
    r.world.carries = [what](std::size_t who, const net::endpoint& where) {
      return where != relay2_at || (what != 2 && who != what);
    };
    r.world.run_for(9s);
    r.settled(1);
    REQUIRE(r.on(relay1_at));
  });
  CHECK(all.runs > 1'000);
  CHECK(all.states.size() > 600);
}

TEST_CASE("a pair on its way from a relay to the direct path loses neither when the relay dies") {
  const auto all = in_every_way("relay to direct, the relay dies", [](run& r) {
    r.play();
    r.world.can_punch = true;
    const auto before = r.world.sides[0].punch_epoch;
    r.world.give(
        0, msg::own_paths{{}, {candidate_at(alice_at), candidate_at(at("198.51.100.77:1000"))}});
    const auto& sides = r.world.sides;
    REQUIRE(r.world.run_until(
        [&] {
          return sides[0].punch_epoch != before && sides[0].punch_epoch == sides[1].punch_epoch;
        },
        2s));
    const auto after = r.moment(14, 20ms);
    r.doubtful(4);
    r.world.run_for(after);
    r.world.relays.erase(relay1_at);
    r.world.run_for(4s);
    r.settled(1);
  });
  CHECK(all.runs > 800);
  CHECK(all.states.size() > 600);
}

TEST_CASE("a new session in the middle of a planned move goes along") {
  const auto all = in_every_way("rekey in a planned move", [](run& r) {
    r.play_slowly();
    const auto after = r.moment(14, 25ms);
    const auto who = r.one_of(2);
    r.doubtful(4);
    r.holds = [&] { r.both_arrive(); };
    r.world.run_for(after);
    r.world.rekey(who);
    r.world.run_for(6s);
    r.settled(2);
    REQUIRE(r.world.handshakes == 2);
    REQUIRE(r.on(relay2_at));
  });
  CHECK(all.runs > 1'500);
  CHECK(all.states.size() > 600);
}

TEST_CASE("an end whose daemon starts anew in the middle of a planned move keeps the session") {
  const auto all = in_every_way("restart in a planned move", [](run& r) {
    r.play_slowly();
    const auto after = r.moment(14, 25ms);
    const auto who = r.one_of(2);
    r.doubtful(4);
    r.holds = [&] { r.both_arrive(); };
    r.world.run_for(after);
    r.world.restart(who);
    r.world.run_for(8s);
    r.settled(1);
  });
  CHECK(all.runs > 1'500);
  CHECK(all.states.size() > 600);
}

TEST_CASE("an end whose daemon starts anew while both leave a dead path finds the other") {
  const auto all = in_every_way("restart while a relay dies", [](run& r) {
    r.play();
    const auto after = r.moment(14, 25ms);
    const auto who = r.one_of(2);
    r.doubtful(4);
    r.world.relays.erase(relay1_at);
    r.world.run_for(after);
    r.world.restart(who);
    r.world.run_for(12s);
    r.settled(2, 3s);
    REQUIRE(r.on(relay2_at));
  });
  CHECK(all.runs > 1'500);
  CHECK(all.states.size() > 600);
}
