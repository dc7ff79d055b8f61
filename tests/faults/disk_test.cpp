// A disk that is full for a while loses nothing that was acknowledged.
#include "sim/invariants/checker.hpp"
#include "tests/sim/pair_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

TEST_CASE(
    "a party joined with a full disk is not acknowledged, and is remembered once there is space") {
  pair_world p{port_restricted(), port_restricted()};
  invariants::checker c{p.w};
  p.w.start(p.alice);
  p.w.start(p.bob);
  const auto made = p.w.create_party(p.alice, "friends");
  REQUIRE(made.has_value());
  p.w.on(p.bob).disk_error = net::fail(net::errc::bad_state, "no space left on device");
  const auto joined = p.w.join_party(p.bob, made->invite);
  REQUIRE_FALSE(joined.has_value());
  CHECK(joined.error().code == net::errc::not_stored);
  p.w.run_for(30s);
  p.w.on(p.bob).disk_error.reset();
  p.w.run_for(5s);
  p.w.kill(p.bob);
  p.w.run_for(1s);
  p.w.start(p.bob);
  p.w.run_for(5s);
  const auto parties = p.w.actors().ask<std::vector<msg::party_info>>(p.w.roles(p.bob).directory,
                                                                      1s, msg::list_parties{});
  REQUIRE(parties);
  CHECK(parties->size() == 1);
  CHECK(p.connect());
  c.finish();
  for (const auto& each : c.found().all())
    UNSCOPED_INFO(invariants::checker::text_of(each));
  CHECK(c.found().all().empty());
  CHECK(c.seen().all().contains(std::string{invariants::sometimes::not_saved}));
}

TEST_CASE("a party created with a full disk has an invite all the same") {
  pair_world p{port_restricted(), port_restricted()};
  p.w.start(p.alice);
  p.w.start(p.bob);
  p.w.on(p.alice).disk_error = net::fail(net::errc::bad_state, "no space left on device");
  const auto made = p.w.create_party(p.alice, "friends");
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == net::errc::not_stored);
  CHECK(made.error().detail.find("party invite") != std::string::npos);
  const auto line = p.w.actors().ask<msg::invitation>(p.w.roles(p.alice).directory, 1s,
                                                      msg::party_invite{"friends"});
  REQUIRE(line);
  CHECK(p.w.join_party(p.bob, line->invite).has_value());
  CHECK(p.connect());
}
