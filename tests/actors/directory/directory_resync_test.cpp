// A member that missed what the server said.
#include "tests/actors/directory/control_world.hpp"

using namespace lanrage;
using namespace lanrage::test;

namespace {

/// Alice and bob are in a party; alice hears nothing until she is told to.
struct half_deaf {
  control_world world;
  directory_node alice{world, "alice"};
  directory_node bob{world, "bob"};
  directory_node again{world, "bob anew", {}, "bob"}; ///< his new installation
  std::string invite;
  net::party_id party;
  std::size_t opens = 0;

  half_deaf() {
    for (auto* node : {&alice, &bob, &again})
      node->start();
    alice.host("192.168.1.2:51820");
    bob.host("192.168.1.3:51820");
    again.host("192.168.1.3:51820");
    const auto asked = alice.create("lan night");
    world.advance(1s);
    const auto made = alice.answer<msg::invitation>(asked);
    invite = made.invite;
    party = made.party.id;
    bob.join(invite);
    world.advance(100s);
    REQUIRE(alice.peer("bob").record.key == bob.pub);
    alice.deaf = true;
    opens = alice.opens.size();
  }
  void reinstall_bob() {
    bob.leave("lan night");
    world.advance(1s);
    again.join(invite);
    world.advance(3s);
  }
  void move(directory_node& node, int times) {
    for (int i = 0; i < times; ++i) {
      node.host("192.168.1." + std::to_string(10 + i) + ":51820");
      world.advance(1s);
    }
  }
};

} // namespace

TEST_CASE("who missed that a name changed hands asks for everything anew") {
  half_deaf d;
  d.reinstall_bob();
  CHECK(d.alice.peer("bob").record.key == d.bob.pub);
  CHECK(d.alice.opens.size() == d.opens);
  d.alice.deaf = false;
  d.move(d.again, 1);
  d.world.advance(1s);
  CHECK(d.alice.opens.size() == d.opens + 1);
  CHECK(d.alice.peer("bob").record.key == d.again.pub);
  CHECK(d.alice.told<msg::peer_gone>().back().key == d.bob.pub);
}

TEST_CASE("who missed that a member came asks for everything anew when it speaks") {
  half_deaf d;
  directory_node carol{d.world, "carol"};
  carol.start();
  carol.host("192.168.1.4:51820");
  carol.join(d.invite);
  d.world.advance(3s);
  CHECK_FALSE(d.alice.knows("carol"));
  d.alice.deaf = false;
  carol.signal(d.party, d.alice.pub, 1);
  d.world.advance(1s);
  CHECK(d.alice.opens.size() == d.opens + 1);
  CHECK(d.alice.knows("carol"));
  d.world.detach(carol);
}

TEST_CASE("everything is asked for once a minute at most") {
  half_deaf d;
  d.world.cut(d.alice);
  d.world.advance(5s);
  d.opens = d.alice.opens.size();
  d.reinstall_bob();
  d.alice.deaf = false;
  d.move(d.again, 20);
  CHECK(d.alice.opens.size() == d.opens);
  d.world.advance(60s);
  CHECK(d.alice.opens.size() == d.opens + 1);
  CHECK(d.alice.peer("bob").record.key == d.again.pub);
}
