#include "tests/sim/pair_world.hpp"
#include "tests/sim/simulated_pair.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

using lab::reach;
using test::simulated;
using test::simulated_reach;

TEST_CASE("every pair of NATs ends as it should, whoever is first") {
  const auto nats = lab::matrix_nats();
  for (std::size_t a = 0; a < nats.size(); ++a)
    for (std::size_t b = 0; b < nats.size(); ++b) {
      INFO(to_string(nats[a].type) << " x " << to_string(nats[b].type));
      const auto how = simulated_reach(a, b);
      const bool won = lab::matrix_races(a, b) && how == reach::direct;
      CHECK(to_string(how) == to_string(won ? reach::direct : lab::matrix_expects(a, b)));
    }
}

TEST_CASE("so does what no pair of NATs is: boxes in a row, one network, IPv6") {
  for (auto pair : lab::matrix_more()) {
    INFO(pair.nat_a << " x " << pair.nat_b);
    CHECK(to_string(simulated_reach(pair)) == to_string(pair.expected));
    std::swap(pair.a, pair.b);
    CHECK(to_string(simulated_reach(pair)) == to_string(pair.expected));
  }
}

namespace {

/// From `connect` to the first WireGuard data that reached alice directly; none in a relayed pair.
std::optional<std::chrono::milliseconds> first_direct(const lab::nat_settings& a,
                                                      const lab::nat_settings& b) {
  world_settings settings;
  settings.internet_delay = 15ms;
  settings.log_packets = true;
  member_settings patient;
  patient.auto_connect = false;
  spdlog::set_level(spdlog::level::off);
  world w{settings};
  const auto relay = w.add_relay("relay1");
  const auto relay_port = ' ' + net::to_string(w.net().addresses(w.node(relay)).front()) + ':';
  const auto behind = [&](const lab::nat_settings& how, const char* name) {
    const auto box = simulated(how);
    return box ? std::optional{w.add_nat(name, *box)} : std::nullopt;
  };
  const auto alice = w.add_member("alice", behind(a, "nat-a"), patient);
  const auto bob = w.add_member("bob", behind(b, "nat-b"), patient);
  w.start(alice);
  w.start(bob);
  const auto made = w.create_party(alice, "friends");
  REQUIRE(made.has_value());
  REQUIRE(w.join_party(bob, made->invite).has_value());
  w.run_for(10s);
  std::optional<time_point> first;
  w.log().to([&](std::string_view line) {
    const auto data = line.ends_with(" wg4\n") && line.find(" alice got ") != line.npos;
    if (!first && data && line.find(relay_port) == line.npos) first = w.now();
  });
  const auto from = w.now();
  (void)w.connect(bob, "alice", 0ms);
  (void)w.connect(alice, "bob", 0ms);
  const auto up = [&] {
    const auto view = w.connection(alice, bob);
    return view && view->at == msg::phase::connected;
  };
  REQUIRE(w.run_until(up, 5s, 1ms));
  w.start_pings(alice, bob, 5ms, 200);
  w.run_for(3s);
  if (!first) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::milliseconds>(*first - from);
}

} // namespace

TEST_CASE("at 15 ms one way a pair that can be direct is so within 250 ms of `connect`") {
  const auto nats = lab::matrix_nats();
  std::vector<std::chrono::milliseconds> all;
  for (std::size_t a = 0; a < nats.size(); ++a)
    for (std::size_t b = 0; b < nats.size(); ++b) {
      if (lab::matrix_expects(a, b) != reach::direct) continue;
      INFO(to_string(nats[a].type) << " x " << to_string(nats[b].type));
      const auto took = first_direct(nats[a], nats[b]);
      CHECK(took);
      if (took) all.push_back(*took);
    }
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() > 50);
  CHECK(all[(all.size() * 95 + 99) / 100 - 1] < 250ms);
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

TEST_CASE("a direct path outlives short mappings, whatever their lifetime") {
  for (const auto lifetime : {20s, 30s, 60s, 120s, 300s}) {
    CAPTURE(lifetime.count());
    auto how = port_restricted();
    how.lifetime = lifetime;
    pair_world p{how, how};
    p.meet();
    REQUIRE(p.connect());
    p.w.run_for(30s);
    CHECK(p.how() == msg::strategy::direct);
    // Ten quiet minutes; then it still (or again) is direct, and packets pass.
    p.w.run_for(10min);
    CHECK(p.w.run_until([&] { return p.both(msg::phase::connected); }, 60s));
    CHECK(p.how() == msg::strategy::direct);
    // One that forgets between two keepalives (25 s) may have done so just now: the first packet
    // tells, and the next ones go another way.
    const auto forgets = lifetime < config::defaults::persistent_keepalive;
    CHECK((p.w.ping(p.alice, p.bob, 1s) || (forgets && p.w.ping(p.alice, p.bob, 1s))));
  }
}

TEST_CASE("a NAT box that is started anew costs a pair its direct path for seconds, not for good") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(10s);
  REQUIRE(p.how() == msg::strategy::direct);
  p.w.rebind(*p.nat_a);
  p.w.run_for(90s);
  CHECK(p.both(msg::phase::connected));
  CHECK(p.how() == msg::strategy::direct);
}

TEST_CASE("a member that roams to another NAT is direct again") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(10s);
  REQUIRE(p.how() == msg::strategy::direct);
  p.w.move(p.alice, p.w.add_nat("elsewhere", address_restricted()));
  p.w.run_for(90s);
  CHECK(p.both(msg::phase::connected));
  CHECK(p.how() == msg::strategy::direct);
}
