// The path of a pair that sends nothing is dropped without a word.

#include "config/defaults.hpp"
#include "tests/sim/pair_world.hpp"

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

namespace {

namespace defaults = config::defaults;

/// A direct pair that has been idle for long, at some moment between two checks.
struct idle_pair : pair_world {
  explicit idle_pair(duration moment) : pair_world{port_restricted(), port_restricted()} {
    meet();
    REQUIRE(connect());
    w.run_for(10min + moment);
    REQUIRE(both(msg::phase::connected));
    REQUIRE(how() == msg::strategy::direct);
  }
  void drop() {
    link_settings gone;
    gone.loss_ppm = 1'000'000;
    w.set_links(*nat_a, *nat_b, gone);
  }
  bool off_direct(member_id who, member_id peer) {
    const auto view = w.connection(who, peer);
    return view && (view->at == msg::phase::reconnecting || view->how != msg::strategy::direct);
  }
  std::uint64_t checks(member_id who, member_id peer) {
    return w.connection(who, peer)->counters.checks;
  }
};

} // namespace

TEST_CASE("an idle path that dies is left by both ends within an interval and a second or two") {
  const auto moment = GENERATE(0s, 4s, 8s, 12s, 16s, 20s, 24s, 28s, 32s, 36s, 40s, 44s, 48s, 52s);
  idle_pair p{moment};
  p.drop();
  const auto died = p.w.now();
  REQUIRE(p.w.run_until(
      [&] { return p.off_direct(p.alice, p.bob) && p.off_direct(p.bob, p.alice); }, 60s));
  CHECK(p.w.now() - died <= defaults::check_interval + 2s);
  REQUIRE(p.w.run_until(
      [&] { return p.both(msg::phase::connected) && p.how() == msg::strategy::relay; }, 5s));
  CHECK(p.w.now() - died <= defaults::check_interval + 2s);
}

TEST_CASE("an end whose peer's daemon is away checks each interval, and notices alone") {
  const auto moment = GENERATE(0s, 9s, 18s, 27s, 36s, 45s);
  idle_pair p{moment};
  const auto gone = GENERATE(0, 1);
  const auto stays = gone == 0 ? p.bob : p.alice;
  const auto other = gone == 0 ? p.alice : p.bob;
  p.w.kill(other);
  const auto before = p.checks(stays, other);
  p.w.run_for(10min);
  CHECK(p.w.connection(stays, other)->at == msg::phase::connected);
  CHECK(p.checks(stays, other) - before >= 19);
  p.drop();
  const auto died = p.w.now();
  REQUIRE(p.w.run_until([&] { return p.off_direct(stays, other); }, 60s));
  CHECK(p.w.now() - died <= defaults::check_interval + 2s);
}

TEST_CASE("a path that loses packets in one direction only is noticed as soon") {
  const auto moment = GENERATE(0s, 13s, 26s, 39s);
  idle_pair p{moment};
  link_settings deaf;
  deaf.loss_ppm = 1'000'000;
  const auto to_bob = GENERATE(true, false);
  const auto from = to_bob ? *p.nat_a : *p.nat_b, to = to_bob ? *p.nat_b : *p.nat_a;
  p.w.net().set_link(p.w.net().face_of(from), p.w.net().face_of(to), deaf);
  const auto died = p.w.now();
  REQUIRE(p.w.run_until(
      [&] { return p.off_direct(p.alice, p.bob) && p.off_direct(p.bob, p.alice); }, 60s));
  CHECK(p.w.now() - died <= defaults::check_interval + 2s);
}
