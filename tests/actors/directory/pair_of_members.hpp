#pragma once

#include "tests/actors/directory/control_world.hpp"

#include <catch2/catch.hpp>

namespace lanrage::test {

/// Alice made a party, Bob joined it, both published.
struct pair_of_members {
  control_world world;
  directory_node alice{world, "alice"};
  directory_node bob{world, "bob"};
  std::string invite;
  net::party_id party;

  pair_of_members() {
    alice.start();
    bob.start();
    alice.host("192.168.1.2:51820");
    bob.host("192.168.1.3:51820");
    const auto asked = alice.create("lan night");
    world.advance(1s);
    const auto made = alice.answer<msg::invitation>(asked);
    invite = made.invite;
    party = made.party.id;
    bob.join(invite);
    world.advance(3s);
    REQUIRE(alice.knows("bob"));
    REQUIRE(bob.knows("alice"));
    alice.events.clear();
    bob.events.clear();
  }
};

template <class T>
T first_of(const std::vector<msg::directory_event>& events) {
  for (const auto& event : events)
    if (const auto* wanted = std::get_if<T>(&event.what)) return *wanted;
  FAIL("not told");
  return {};
}

} // namespace lanrage::test
