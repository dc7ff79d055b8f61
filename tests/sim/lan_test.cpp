#include "config/lan_defaults.hpp"
#include "net/random.hpp"
#include "sim/world.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

constexpr const char* names[] = {"alice", "bob",   "carol", "dave", "erin",
                                 "frank", "grace", "heidi", "ivan", "judy"};

/// Members on one switch, who were in a party together; then everything was switched off.
struct lan_world {
  world w;
  std::string text;
  node_id box;
  std::vector<member_id> members;
  std::string invite;

  explicit lan_world(std::size_t count, std::uint64_t seed = 1, bool packets = false)
      : w((spdlog::set_level(spdlog::level::off), settings(seed, packets))),
        box(w.add_nat("switch", port_restricted())) {
    w.log().to([this](std::string_view line) { text += line; });
    w.add_relay("relay1");
    for (std::size_t i = 0; i < count; ++i)
      members.push_back(w.add_member(names[i], box));
  }
  static world_settings settings(std::uint64_t seed, bool packets) {
    world_settings out;
    out.seed = seed;
    out.log_packets = packets;
    return out;
  }
  void form() {
    for (const auto who : members)
      w.start(who);
    const auto made = w.create_party(members[0], "friends");
    REQUIRE(made.has_value());
    invite = made->invite;
    for (std::size_t i = 1; i < members.size(); ++i)
      REQUIRE(w.join_party(members[i], invite).has_value());
    REQUIRE(w.run_until([&] { return w.all_connected(); }, 30s));
    w.run_for(10s);
  }
  void power_off(member_id who) {
    w.kill(who);
    w.on(who).delete_device();
  }
  void lose_the_internet() {
    w.control().stop();
    w.net().set_up(box, false);
  }
  void everything_off() {
    for (const auto who : members)
      power_off(who);
    lose_the_internet();
    w.run_for(10min);
    text.clear();
  }
  bool host_path(member_id a, member_id b) {
    const auto view = w.connection(a, b);
    const auto where = w.net().addresses(w.node(b)).front();
    return view && view->at == msg::phase::connected && view->how == msg::strategy::direct &&
           view->where && view->where->address == where;
  }
  bool all_on_host_paths() {
    for (const auto a : members)
      for (const auto b : members)
        if (a != b && w.running(a) && w.running(b) && !host_path(a, b)) return false;
    return true;
  }
  /// How many datagrams a member sent to the members' port.
  std::size_t spoken(const std::string& who) const {
    std::size_t out = 0;
    for (std::size_t at = 0; (at = text.find(' ' + who + " sent ", at)) != text.npos; ++at) {
      const auto line = text.substr(at, text.find('\n', at) - at);
      if (line.find(':' + std::to_string(config::defaults::lan_port) + " > ") != line.npos) ++out;
    }
    return out;
  }
};

} // namespace

TEST_CASE("a party forms on a switch without internet and control server, within two seconds") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    lan_world lan{3, seed};
    lan.form();
    lan.everything_off();
    for (const auto who : lan.members)
      lan.w.start(who);
    CHECK(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 2s));
    for (const auto a : lan.members)
      for (const auto b : lan.members)
        if (a != b) CHECK(lan.w.connection(a, b)->address.leased()); // remembered
    lan.w.run_for(10min);
    CHECK(lan.all_on_host_paths());
    CHECK(lan.text.find("failed") == lan.text.npos);
  }
}

TEST_CASE("ten machines on such a switch are all connected within two seconds") {
  lan_world lan{10};
  lan.form();
  lan.everything_off();
  for (const auto who : lan.members)
    lan.w.start(who);
  CHECK(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 2s));
}

TEST_CASE("members that come one by one are each connected within two seconds") {
  lan_world lan{4};
  lan.form();
  lan.everything_off();
  for (const auto who : lan.members) {
    lan.w.start(who);
    CHECK(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 2s));
    lan.w.run_for(30min);
    CHECK(lan.all_on_host_paths());
  }
}

TEST_CASE("one that is switched off and on again is connected within two seconds") {
  for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
    lan_world lan{2};
    lan.form();
    lan.lose_the_internet();
    lan.w.run_for(5min);
    REQUIRE(lan.all_on_host_paths());
    lan.power_off(lan.members[which]);
    lan.w.run_for(30s);
    lan.w.start(lan.members[which]);
    CHECK(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 2s));
  }
}

TEST_CASE("what serves the local network may crash and goes on where it was") {
  lan_world lan{2};
  lan.form();
  lan.everything_off();
  for (const auto who : lan.members)
    lan.w.start(who);
  REQUIRE(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 2s));
  for (const auto* actor : {"lan", "directory", "lan"}) {
    REQUIRE(lan.w.crash(lan.members[0], actor));
    lan.w.run_for(2s);
    CHECK(lan.all_on_host_paths());
    CHECK(lan.w.status(lan.members[0]).self.lan.near.size() == 1);
  }
  lan.power_off(lan.members[1]);
  lan.w.run_for(60s);
  lan.w.start(lan.members[1]);
  CHECK(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 2s));
}

TEST_CASE("two that were never in the party at the same time meet on the switch") {
  lan_world lan{3};
  const auto alice = lan.members[0], bob = lan.members[1], carol = lan.members[2];
  lan.w.start(alice);
  lan.w.start(bob);
  const auto made = lan.w.create_party(alice, "friends");
  REQUIRE(lan.w.join_party(bob, made->invite).has_value());
  lan.w.run_for(10s);
  lan.power_off(bob); // before carol comes
  lan.w.run_for(10s);
  lan.w.start(carol);
  REQUIRE(lan.w.join_party(carol, made->invite).has_value());
  lan.w.run_for(10s);
  lan.everything_off();
  lan.w.start(bob);
  lan.w.start(carol);
  CHECK(
      lan.w.run_until([&] { return lan.all_on_host_paths() && lan.w.connection(bob, carol); }, 2s));
}

TEST_CASE("with the server back everything is as ever") {
  lan_world lan{3};
  lan.form();
  lan.everything_off();
  for (const auto who : lan.members)
    lan.w.start(who);
  lan.w.run_for(1min);
  lan.w.net().set_up(lan.box, true);
  lan.w.control().start();
  lan.w.run_for(2min);
  CHECK(lan.all_on_host_paths());
  CHECK(lan.text.find("reconnecting") == lan.text.npos);
  for (const auto who : lan.members)
    CHECK(lan.w.status(who).self.control.up);
}

TEST_CASE("a pair that moves from behind two boxes to one switch is on the host path in seconds") {
  lan_world lan{2};
  const auto elsewhere = lan.w.add_nat("elsewhere", symmetric());
  lan.w.move(lan.members[1], elsewhere);
  lan.form();
  REQUIRE_FALSE(lan.all_on_host_paths());
  lan.w.move(lan.members[1], lan.box);
  CHECK(lan.w.run_until([&] { return lan.all_on_host_paths(); }, 10s));
}

TEST_CASE("a stranger on the switch makes nobody send a datagram") {
  // The same night twice: once with a stranger that listens and then says all it heard again and
  // again, alters it, and makes noise.
  std::vector<std::size_t> said;
  for (const bool hostile : {false, true}) {
    lan_world lan{2, 1, true};
    const auto mallory = lan.w.add_member("mallory", lan.box);
    std::vector<net::bytes> heard;
    lan.w.on(mallory).hooks.lan = [&](const packet& what) { heard.push_back(what.data); };
    lan.form();
    REQUIRE(heard.size() > 8);
    lan.everything_off();
    for (const auto who : lan.members)
      lan.w.start(who);
    lan.w.run_for(10s);
    REQUIRE(lan.all_on_host_paths());
    const auto noise = net::seeded_random(1, "mallory");
    for (int round = 0; hostile && round < 20; ++round) {
      const auto all = heard;
      for (const auto& frame : all) {
        lan.w.on(mallory).send_lan(std::nullopt, frame);
        auto altered = frame;
        altered[altered.size() / 2] ^= 1;
        lan.w.on(mallory).send_lan(std::nullopt, altered);
        noise(altered);
        lan.w.on(mallory).send_lan(std::nullopt, altered);
      }
      lan.w.run_for(1s);
    }
    if (!hostile) lan.w.run_for(20s);
    lan.w.run_for(10min);
    CHECK(lan.all_on_host_paths());
    said.push_back(lan.spoken("alice"));
    said.push_back(lan.spoken("bob"));
  }
  CHECK(said[0] > 5);
  CHECK(said[0] == said[2]);
  CHECK(said[1] == said[3]);
}

TEST_CASE("nothing is said to neighbours on the internet itself") {
  lan_world lan{1, 1, true};
  const auto bob = lan.w.add_member("bob");
  lan.members.push_back(bob);
  lan.form();
  CHECK(lan.spoken("bob") == 0);
  CHECK(lan.w.status(bob).self.lan.enabled);
  CHECK(lan.w.status(bob).self.lan.interfaces.empty());
}
