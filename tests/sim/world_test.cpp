#include "sim/world.hpp"

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

struct quiet {
  quiet() { spdlog::set_level(spdlog::level::off); }
} const be_quiet;

/// Two members behind boxes of their own, in one party, started.
struct pair_world {
  explicit pair_world(const nat_settings& a, const nat_settings& b, world_settings settings = {})
      : w(settings) {
    relay = w.add_relay("relay1");
    nat_a = w.add_nat("nat-a", a);
    nat_b = w.add_nat("nat-b", b);
    alice = w.add_member("alice", nat_a);
    bob = w.add_member("bob", nat_b);
    w.start(alice);
    w.start(bob);
    auto made = w.create_party(alice, "friends");
    REQUIRE(made);
    REQUIRE(w.join_party(bob, made->invite));
  }
  bool both(msg::phase at) {
    const auto one = w.connection(alice, bob);
    const auto two = w.connection(bob, alice);
    return one && two && one->at == at && two->at == at;
  }
  std::optional<msg::strategy> how() { return w.connection(alice, bob)->how; }

  world w;
  relay_number relay{};
  node_id nat_a{};
  node_id nat_b{};
  member_id alice{};
  member_id bob{};
};

} // namespace

TEST_CASE("two members behind port-restricted boxes go direct") {
  pair_world p{port_restricted(), port_restricted()};
  std::string text;
  p.w.log().to([&](std::string_view line) { text += line; });
  const bool up = p.w.run_until([&] { return p.both(msg::phase::connected); }, 10s);
  UNSCOPED_INFO(text);
  REQUIRE(up);
  p.w.run_for(3s);
  UNSCOPED_INFO(text);
  REQUIRE(p.how() == msg::strategy::direct);
  const auto rtt = p.w.ping(p.alice, p.bob, 1s);
  REQUIRE(rtt);
  // 10 ms between the boxes and 0.2 ms to each machine, there and back.
  CHECK(*rtt == 20'800us);
}
