#pragma once

#include "tests/actors/directory/control_world.hpp"

#include <string>

namespace lanrage::test {

/// Alice made a party; Bob and Carol joined it, and all know each other.
struct party_of_three {
  control_world world;
  directory_node alice{world, "alice"};
  directory_node bob{world, "bob"};
  directory_node carol{world, "carol"};
  std::string invite;
  net::party_id party;
  net::virtual_ip address; ///< Bob's

  party_of_three() {
    const auto asked = alice.create("lan night");
    world.advance(1s);
    const auto made = alice.answer<msg::invitation>(asked);
    invite = made.invite;
    party = made.party.id;
    bob.join(invite);
    carol.join(invite);
    world.advance(3s);
    REQUIRE(alice.knows("bob"));
    REQUIRE(carol.knows("bob"));
    address = alice.peer("bob").record.address;
    for (auto* each : {&alice, &bob, &carol})
      each->events.clear();
  }
};

} // namespace lanrage::test
