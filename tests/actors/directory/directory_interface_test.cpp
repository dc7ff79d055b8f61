#include "tests/actors/directory/pair_of_members.hpp"

using namespace lanrage;
using namespace lanrage::test;

TEST_CASE("the interface goes with the last party, and is there again while one is joined") {
  pair_of_members p;
  const auto asked = p.bob.create("work");
  p.world.advance(1s);
  p.bob.answer<msg::invitation>(asked);
  p.bob.told<msg::interface_wanted>();
  p.bob.leave("work");
  p.world.advance(1s);
  CHECK(p.bob.told<msg::interface_wanted>().empty()); // the other party needs it
  p.bob.leave("lan night");
  CHECK(p.bob.told<msg::interface_wanted>() == std::vector{msg::interface_wanted{}});
  p.world.advance(1s);
  CHECK(p.bob.told<msg::interface_wanted>().empty());
  CHECK(first_of<msg::interface_wanted>(p.bob.core->snapshot(p.world.at())) ==
        msg::interface_wanted{});

  p.bob.join(p.invite);
  CHECK(p.bob.told<msg::interface_wanted>() == std::vector{msg::interface_wanted{true, {}}});
  p.world.advance(1s);
  const auto again = p.bob.told<msg::interface_wanted>();
  REQUIRE(again.size() == 1);
  CHECK(again.front().address == p.world.registry().lease_of(p.bob.pub));
}

TEST_CASE("a join that is refused leaves no interface behind") {
  control_world world;
  directory_node carol{world, "carol"};
  carol.start();
  CHECK(first_of<msg::interface_wanted>(carol.core->snapshot(world.at())) ==
        msg::interface_wanted{});
  world.server_down();
  carol.create("lan night");
  CHECK(carol.told<msg::interface_wanted>().back().there);
  world.advance(1min);
  CHECK(carol.told<msg::interface_wanted>() == std::vector{msg::interface_wanted{}});
}
