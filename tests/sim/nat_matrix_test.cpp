#include "tests/sim/pair_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

namespace {

enum class outcome { direct, relayed, none };

struct nat_class {
  const char* name;
  pair_world::box box;
  nat_behavior mapping;
  nat_behavior filtering;
};

const std::vector<nat_class>& classes() {
  using enum nat_behavior;
  static const std::vector<nat_class> all{
      {"open", std::nullopt, endpoint_independent, endpoint_independent},
      {"full cone", full_cone(), endpoint_independent, endpoint_independent},
      {"address-restricted", address_restricted(), endpoint_independent, address_dependent},
      {"port-restricted", port_restricted(), endpoint_independent, address_and_port_dependent},
      {"symmetric", symmetric(), address_and_port_dependent, address_and_port_dependent},
      {"blocked", udp_blocked(), unknown, unknown},
  };
  return all;
}

/// Whether plain punching can work: a mapping that the other side cannot know is found only by the
/// packets that come from it, which a filter by port does not let in.
outcome expected(const nat_class& a, const nat_class& b) {
  using enum nat_behavior;
  if (a.mapping == unknown || b.mapping == unknown) return outcome::none;
  const auto shut = [](const nat_class& hidden, const nat_class& filter) {
    return hidden.mapping == address_and_port_dependent &&
           filter.filtering == address_and_port_dependent;
  };
  return shut(a, b) || shut(b, a) ? outcome::relayed : outcome::direct;
}

outcome reached(const nat_class& a, const nat_class& b) {
  pair_world p{a.box, b.box};
  p.meet();
  if (!p.connect()) return outcome::none;
  p.w.run_for(5s);
  if (!p.w.ping(p.alice, p.bob, 1s) || !p.w.ping(p.bob, p.alice, 1s)) return outcome::none;
  return p.how() == msg::strategy::direct ? outcome::direct : outcome::relayed;
}

} // namespace

TEST_CASE("every pair of NAT classes connects directly where it can, else over the relay") {
  for (const auto& a : classes())
    for (const auto& b : classes()) {
      INFO(a.name << " x " << b.name);
      CHECK(reached(a, b) == expected(a, b));
    }
}

TEST_CASE("behind one box members meet inside, whether it hairpins or not") {
  spdlog::set_level(spdlog::level::off);
  for (const bool hairpin : {false, true}) {
    world w;
    w.add_relay("relay1");
    auto how = port_restricted();
    how.hairpin = hairpin;
    const auto box = w.add_nat("nat", how);
    const auto alice = w.add_member("alice", box);
    const auto bob = w.add_member("bob", box);
    w.start(alice);
    w.start(bob);
    const auto made = w.create_party(alice, "friends");
    REQUIRE(made.has_value());
    REQUIRE(w.join_party(bob, made->invite).has_value());
    CHECK(w.run_until([&] { return w.all_connected(); }, 15s));
    w.run_for(5s);
    CHECK(w.ping(alice, bob, 1s) == 400us);
  }
}

TEST_CASE("a carrier's box in front of a customer's is as strict as the stricter of them") {
  spdlog::set_level(spdlog::level::off);
  for (const bool strict : {false, true}) {
    world w;
    w.add_relay("relay1");
    const auto carrier = w.add_nat("carrier", strict ? symmetric() : port_restricted());
    const auto box = w.add_nat("box", port_restricted(), carrier);
    const auto alice = w.add_member("alice", box);
    const auto bob = w.add_member("bob", w.add_nat("nat-b", port_restricted()));
    w.start(alice);
    w.start(bob);
    const auto made = w.create_party(alice, "friends");
    REQUIRE(made.has_value());
    REQUIRE(w.join_party(bob, made->invite).has_value());
    CHECK(w.run_until([&] { return w.all_connected(); }, 15s));
    w.run_for(5s);
    CHECK(w.connection(alice, bob)->how == (strict ? msg::strategy::relay : msg::strategy::direct));
  }
}
