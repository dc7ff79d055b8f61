#include "tests/sim/faults/bare_stage.hpp"
#include "tests/sim/pair_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

TEST_CASE("members find between which silences their NATs forget a mapping") {
  struct row {
    std::chrono::seconds lifetime;
    msg::mapping_life found;
  };
  for (const auto& each : {row{20s, {0s, 25s}}, row{60s, {50s, 100s}}, row{300s, {200s, {}}}}) {
    CAPTURE(each.lifetime.count());
    auto keeping = port_restricted();
    keeping.preserve_ports = true;
    auto drawing = symmetric();
    keeping.lifetime = drawing.lifetime = each.lifetime;
    pair_world p{keeping, drawing};
    p.meet();
    REQUIRE(p.connect());
    CHECK_FALSE(p.w.status(p.alice).self.nat_more.lifetime);
    p.w.run_for(4min);
    CHECK(p.w.status(p.alice).self.nat_more.lifetime == each.found);
    CHECK(p.w.status(p.bob).self.nat_more.lifetime == each.found);
  }
}

TEST_CASE("a member that roams measures the new NAT") {
  auto there = port_restricted();
  there.lifetime = 60s;
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(4min);
  CHECK(p.w.status(p.alice).self.nat_more.lifetime == msg::mapping_life{100s, 200s});
  p.w.move(p.alice, p.w.add_nat("elsewhere", there));
  p.w.run_for(4min);
  CHECK(p.w.status(p.alice).self.nat_more.lifetime == msg::mapping_life{50s, 100s});
}

TEST_CASE("a relay that names another port than the others do does not change the NAT's type") {
  for (const int honest : {1, 2}) {
    CAPTURE(honest);
    test::bare_stage on{"kind = \"stun-disagrees\"\non = \"relay1\"\nstart = \"0s\"\nend = \"5m\"\n"
                        "by = 3\n"};
    for (int i = 0; i < honest; ++i)
      on.w.add_relay("honest" + std::to_string(i));
    on.w.start(on.bob_id());
    REQUIRE(on.w.create_party(on.bob_id(), "friends").has_value());
    on.run(1min);
    CHECK(on.fired() > 0);
    const auto self = on.w.status(on.bob_id()).self;
    // Of two nobody can say which one lies.
    CHECK(net::classic_name(self.nat) == (honest == 1 ? "symmetric" : "cone"));
    const auto seen =
        std::count_if(self.candidates.begin(), self.candidates.end(), [](const auto& each) {
          return each.kind == net::candidate_kind::server_reflexive;
        });
    CHECK(seen == 1);
    if (honest == 2) CHECK(on.w.net().nat(on.box()).outer() == self.nat_more.mapped->address);
  }
}
