#pragma once

#include "sim/world.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <optional>
#include <string>

/// Two members of one party in a virtual world, each behind a box of its own or on the internet.
namespace lanrage::test {

using namespace std::chrono_literals;

struct pair_world {
  using box = std::optional<sim::nat_settings>;

  explicit pair_world(const box& a, const box& b, sim::world_settings settings = {}, int relays = 1)
      : w((spdlog::set_level(spdlog::level::off), settings)) {
    w.log().to([this](std::string_view line) { text += line; });
    for (int i = 1; i <= relays; ++i)
      relay.push_back(w.add_relay("relay" + std::to_string(i)));
    if (a) nat_a = w.add_nat("nat-a", *a);
    if (b) nat_b = w.add_nat("nat-b", *b);
    alice = w.add_member("alice", nat_a);
    bob = w.add_member("bob", nat_b);
  }
  /// Both daemons run and are in one party.
  void meet() {
    w.start(alice);
    w.start(bob);
    const auto made = w.create_party(alice, "friends");
    REQUIRE(made.has_value());
    REQUIRE(w.join_party(bob, made->invite).has_value());
  }
  bool both(msg::phase at) {
    const auto one = w.connection(alice, bob);
    const auto two = w.connection(bob, alice);
    return one && two && one->at == at && two->at == at;
  }
  bool connect(sim::duration most = 15s) {
    return w.run_until([&] { return both(msg::phase::connected); }, most);
  }
  std::optional<msg::strategy> how() {
    const auto view = w.connection(alice, bob);
    return view ? view->how : std::nullopt;
  }

  std::string text; ///< the log
  sim::world w;
  std::vector<sim::relay_number> relay;
  std::optional<sim::node_id> nat_a;
  std::optional<sim::node_id> nat_b;
  sim::member_id alice{};
  sim::member_id bob{};
};

} // namespace lanrage::test
