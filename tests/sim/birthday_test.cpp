#include "config/birthday_defaults.hpp"
#include "tests/sim/pair_world.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

namespace {

nat_settings symmetric_by_address() {
  auto out = symmetric();
  out.mapping = nat_behavior::address_dependent;
  return out;
}

/// Alice and bob behind these boxes, with relays enough to measure them by.
struct hard_pair {
  hard_pair(const nat_settings& a, const nat_settings& b, bool alice_on, bool bob_on,
            world_settings settings = {})
      : w((spdlog::set_level(spdlog::level::off), settings)) {
    w.log().to([this](std::string_view line) { read(line); });
    w.add_relay("relay1");
    w.add_relay("relay2");
    const auto add = [&](const char* name, const char* box, const nat_settings& how, bool on) {
      member_settings wanted;
      wanted.birthday_probing = on;
      nats.push_back(w.add_nat(box, how));
      return w.add_member(name, nats.back(), wanted);
    };
    alice = add("alice", "nat-a", a, alice_on);
    bob = add("bob", "nat-b", b, bob_on);
    w.start(alice);
    w.start(bob);
    const auto made = w.create_party(alice, "friends");
    REQUIRE(made.has_value());
    REQUIRE(w.join_party(bob, made->invite).has_value());
    REQUIRE(w.run_until([&] { return w.all_connected(); }, 15s));
  }
  bool pings() { return w.ping(alice, bob, 1s) && w.ping(bob, alice, 1s); }
  std::optional<msg::strategy> how() {
    const auto view = w.connection(alice, bob);
    return view ? view->how : std::nullopt;
  }
  bool direct_within(duration most) {
    return w.run_until([&] { return how() == msg::strategy::direct; }, most);
  }
  msg::explanation explain(member_id who, const char* peer) {
    const auto said = w.actors().ask<msg::explanation>(
        w.roles(who).supervisor, 1s, msg::explain_peer{{}, net::peer_id::parse(peer).value()});
    REQUIRE(said);
    return *said;
  }

  std::size_t probes_from_spare_ports() const { return opened; }
  /// Ports that nobody told bob of and that he sent probes to.
  std::size_t guessed_ports() const { return guessed.size(); }
  void read(std::string_view line) {
    if (!line.ends_with(" frame1\n")) return;
    const auto arrow = line.find(" > ");
    const auto port_before = [&](std::size_t end) {
      const auto colon = line.rfind(':', end);
      return std::stoi(std::string{line.substr(colon + 1, end - colon - 1)});
    };
    const auto from = port_before(arrow), to = port_before(line.find(' ', arrow + 3));
    if (line.find(" alice sent ") != line.npos && from >= 61'000 && from < 61'256) ++opened;
    if (line.find(" bob sent ") != line.npos && to >= 1'024 && to != 51'820) guessed.insert(to);
  }

  world w;
  std::size_t opened = 0;
  std::set<int> guessed;
  std::vector<node_id> nats;
  member_id alice{};
  member_id bob{};
};

} // namespace

TEST_CASE("a symmetric and a port-restricted member that both allow it become direct") {
  for (const auto& hard : {symmetric(), symmetric_by_address()})
    for (const bool swapped : {false, true}) {
      hard_pair p{swapped ? port_restricted() : hard, swapped ? hard : port_restricted(), true,
                  true};
      CHECK(p.direct_within(60s));
      p.w.run_for(5min);
      CHECK(p.how() == msg::strategy::direct);
      CHECK(p.pings());
      const auto inner = swapped ? p.bob : p.alice;
      CHECK(p.w.on(inner).rewrites().size() == 1);
      CHECK(p.w.on(swapped ? p.alice : p.bob).rewrites().empty());
      CHECK(
          p.explain(p.alice, "bob").paths.front().verdict.find("found by birthday probing after") !=
          std::string::npos);
    }
}

TEST_CASE("nobody guesses where one side has not turned it on") {
  for (const bool alice_on : {false, true}) {
    hard_pair p{symmetric(), port_restricted(), alice_on, false};
    p.w.run_for(3min);
    CHECK(p.how() == msg::strategy::relay);
    CHECK(p.pings());
    const auto said = p.explain(p.alice, "bob").paths.back();
    CHECK(said.verdict.find(alice_on ? "the peer does not offer it" : "is off here") !=
          std::string::npos);
    CHECK(said.remedy.find("daemon.birthday_probing") != std::string::npos);
  }
}

TEST_CASE("an attempt that is in vain is within its bounds, and the only one on these networks") {
  world_settings settings;
  settings.log_packets = true;
  auto low = symmetric(); // ports that nobody guesses
  low.first_port = 100;
  low.last_port = 1'000;
  hard_pair p{low, port_restricted(), true, true, settings};
  const auto verdict = [&](member_id who, const char* peer) {
    return p.explain(who, peer).paths.back().verdict;
  };
  p.w.run_for(1min);
  CHECK(p.how() == msg::strategy::relay);
  CHECK(verdict(p.alice, "bob").find("256 probes in vain") != std::string::npos);
  CHECK(verdict(p.bob, "alice").find("1024 probes in vain") != std::string::npos);
  CHECK(p.probes_from_spare_ports() == 256);
  CHECK(p.guessed_ports() == 1'024);
  p.w.run_for(30min);
  CHECK(p.probes_from_spare_ports() == 256);
  CHECK(p.guessed_ports() == 1'024);
  // Another network of the one that guesses: once more.
  p.w.on(p.bob).addresses_changed();
  p.w.run_for(10min);
  CHECK(p.probes_from_spare_ports() == 512);
  CHECK(p.guessed_ports() > 1'900);
  CHECK(p.pings());
}

TEST_CASE("a path that was guessed ends with its daemon, and is found again by the next one") {
  hard_pair p{symmetric(), port_restricted(), true, true};
  REQUIRE(p.direct_within(60s));
  REQUIRE(p.w.on(p.alice).rewrites().size() == 1);
  p.w.kill(p.alice);
  CHECK(p.w.on(p.alice).rewrites().size() == 1); // and the tunnel lives on
  p.w.run_for(5s);
  p.w.start(p.alice);
  CHECK(p.w.on(p.alice).rewrites().empty());
  p.w.run_for(5min);
  CHECK(p.how() == msg::strategy::direct);
  CHECK(p.w.on(p.alice).rewrites().size() == 1);
  CHECK(p.pings());
}

TEST_CASE("the rewrite goes with the peer, and with a path that is not coming back") {
  for (const bool disconnects : {true, false}) {
    hard_pair p{symmetric(), port_restricted(), true, true};
    REQUIRE(p.direct_within(60s));
    REQUIRE(p.w.on(p.alice).rewrites().size() == 1);
    if (disconnects)
      REQUIRE(p.w.disconnect(p.alice, "bob").has_value());
    else
      p.w.net().nat(p.nats.front()).flush(); // the port that was met is another one now
    p.w.run_for(disconnects ? 5s : 20min);
    CHECK((disconnects || p.how() == msg::strategy::relay));
    CHECK(p.w.on(p.alice).rewrites().empty());
  }
}
