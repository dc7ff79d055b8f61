// The rules of liveness in whole runs: worlds that are broken without anybody being told.
#include "config/path_defaults.hpp"
#include "sim/invariants/checker.hpp"
#include "sim/invariants/liveness.hpp"
#include "sim/scenario/reader.hpp"
#include "tests/sim/pair_world.hpp"
#include "tests/support/places.hpp"

#include <functional>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using invariants::checker;
using invariants::liveness_rules;
using test::pair_world;

namespace {

/// Drops what it is told to, as a fault of the links that no plan names.
struct secret_wall final : packet_faults {
  std::function<bool(node_id from, node_id to)> stops;
  verdict on_hop(node_id from, node_id to, packet&, time_point) override {
    verdict out;
    if (stops(from, to)) out.dropped_by = 10;
    return out;
  }
  std::uint8_t on_box(node_id, const packet&, time_point) override { return 0; }
  std::uint8_t out_of_ports(node_id) override { return 0; }
  bool cuts(node_id, node_id) override { return false; }
};

/// Timers that are set while it is on fire an hour late.
struct secret_delay final : actor_faults {
  bool on = false;
  bool before(caf::scheduled_actor&) override { return true; }
  void after(caf::scheduled_actor&, bool) override {}
  std::size_t pick(std::size_t) override { return 0; }
  caf::actor_clock::time_point due(caf::actor_clock::time_point at, const caf::abstract_actor&,
                                   bool) override {
    return on ? at + 1h : at;
  }
};

struct broken_pair {
  pair_world p;
  secret_wall wall;
  secret_delay late;
  checker c{p.w};

  explicit broken_pair(const nat_settings& box, int relays = 1) : p(box, box, {}, relays) {
    wall.stops = [](node_id, node_id) { return false; };
    p.w.net().use(&wall);
    p.w.actors().use(&late);
  }
  ~broken_pair() {
    p.w.actors().use(nullptr);
    p.w.net().use(nullptr);
  }
  /// From now on, and nobody is told.
  void takes_no_changes() {
    auto& calls = p.w.on(p.alice).behavior.failures;
    calls[static_cast<std::size_t>(device_call::apply)].resize(
        10'000, net::fail(net::errc::wg_refused, "by nobody's will"));
  }
  bool only(std::string_view id) {
    for (const auto& each : c.found().all()) {
      UNSCOPED_INFO(checker::text_of(each));
      if (each.id != id) return false;
    }
    return c.found().has(id);
  }
  /// What the checker looks at every five seconds comes up to so much later.
  static constexpr auto look = 10s;
};

} // namespace

TEST_CASE("L1: a pair whose WireGuard takes nothing is found, and not before its time") {
  broken_pair b{port_restricted()};
  b.p.meet();
  b.takes_no_changes();
  b.p.w.run_for(liveness_rules::connect_bound(false) - b.look);
  CHECK(b.c.found().all().empty());
  b.p.w.run_for(liveness_rules::connect_bound(true));
  CHECK(b.only("L1"));
}

TEST_CASE("L2: a pair whose punches vanish is found") {
  broken_pair b{port_restricted()};
  b.wall.stops = [x = *b.p.nat_a, y = *b.p.nat_b](node_id from, node_id to) {
    return (from == x && to == y) || (from == y && to == x);
  };
  b.p.meet();
  REQUIRE(b.p.connect());
  b.p.w.run_for(liveness_rules::direct_bound() - b.look);
  CHECK(b.c.found().all().empty());
  b.p.w.run_for(2 * b.look);
  CHECK(b.only("L2"));
}

TEST_CASE("L3: a pair that does not get to the near relay is found") {
  broken_pair b{symmetric(), 2};
  const auto far = b.p.w.node(b.p.relay[0]);
  const auto near = b.p.w.node(b.p.relay[1]);
  for (const auto box : {*b.p.nat_a, *b.p.nat_b}) {
    link_settings slow;
    slow.delay = 45ms;
    b.p.w.set_links(box, far, slow);
  }
  b.wall.stops = [near](node_id from, node_id to) { return from == near || to == near; };
  b.p.meet();
  REQUIRE(b.p.connect());
  b.p.w.run_for(liveness_rules::relay_bound() - b.look);
  CHECK(b.c.found().all().empty());
  b.p.w.run_for(2 * b.look);
  CHECK(b.only("L3"));
}

TEST_CASE("L4: a WireGuard that takes no more changes is found") {
  broken_pair b{port_restricted()};
  b.p.meet();
  REQUIRE(b.p.connect());
  b.p.w.run_for(5s);
  b.takes_no_changes();
  net::wg::change silent;
  silent.kind = net::wg::change_kind::put;
  silent.key = b.p.w.key(b.p.bob);
  silent.address = b.p.w.address(b.p.bob);
  b.p.w.on(b.p.alice).wireguard()->apply(silent, b.p.w.now());
  b.p.w.run_for(invariants::write_rules::longest_difference() + b.look);
  CHECK(b.c.found().has("L4"));
}

TEST_CASE("L7: a connection whose timers do not fire is found") {
  broken_pair b{port_restricted()};
  b.p.meet();
  REQUIRE(b.p.connect());
  b.p.w.run_for(5s);
  b.p.w.kill(b.p.bob);
  b.p.w.on(b.p.bob).delete_device();
  REQUIRE(b.p.w.run_until(
      [&] { return b.p.w.connection(b.p.alice, b.p.bob)->at == msg::phase::reconnecting; }, 60s));
  b.late.on = true;
  b.p.w.run_for(30s);
  CHECK(b.c.found().has("L7"));
}

TEST_CASE("what breaks in the hour for sweeps ends so early that every rule of liveness can fail") {
  const auto file = std::filesystem::path{places::source} / "sim/scenarios/sweep/hour-5.toml";
  const auto script = scenario::load(file);
  REQUIRE(script.has_value());
  const auto calm = script->until / 4;   // sim/faults/draw.cpp
  constexpr duration late_timers = 6min; // sim/invariants/connections.cpp
  CHECK(calm > liveness_rules::connect_bound(true) + late_timers);
  CHECK(calm > liveness_rules::direct_bound() + broken_pair::look);
  CHECK(calm > liveness_rules::relay_bound() + broken_pair::look);
  CHECK(calm > invariants::write_rules::longest_difference() + late_timers);
  for (std::size_t at = 0; at < msg::phase_count; ++at)
    if (const auto most = invariants::longest_in(static_cast<msg::phase>(at)))
      CHECK(calm > *most + late_timers);
}
