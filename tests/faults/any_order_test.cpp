// Whatever dies in whatever order: when everything that a service manager starts again is there
// again, everybody reaches everybody, and nobody had to restart anything by hand.
#include "net/random.hpp"
#include "sim/world.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t orders = 60;
constexpr int deaths = 8;
constexpr auto longest_pause = 4s;    ///< between two deaths: most are not over their last one
constexpr auto service_restart = 1s;  ///< packaging/lanrage.service: RestartSec
constexpr auto enough_for_all = 2min; ///< three repairs, a slow retry and backoffs fit in

/// Every role that a daemon has (actors/wiring.cpp), and its connections.
const std::vector<std::string> actor_names{"store",     "route watch",    "wireguard device",
                                           "port",      "prober",         "control link",
                                           "lan",       "relay streams",  "wireguard writer",
                                           "nat",       "relay selector", "connection supervisor",
                                           "directory", "peer p1",        "peer p2",
                                           "peer p3"};

/// The demo's party: two behind port-restricted boxes, one behind a symmetric one, two relays.
struct party_of_three {
  std::string text; ///< the log
  world w;
  std::vector<relay_number> relays;
  std::vector<member_id> members;
  std::set<std::string> born; ///< names of actors

  explicit party_of_three(std::uint64_t seed)
      : w((spdlog::set_level(spdlog::level::off), with(seed))) {
    w.log().to([this](std::string_view line) { text += line; });
    w.on_birth = [this](member_id, const std::string& name, const caf::actor&) {
      born.insert(name);
    };
    for (const auto* name : {"relay1", "relay2"})
      relays.push_back(w.add_relay(name));
    const nat_settings boxes[] = {port_restricted(), port_restricted(), symmetric()};
    for (std::size_t i = 0; i < std::size(boxes); ++i) {
      const auto name = "p" + std::to_string(i + 1);
      members.push_back(w.add_member(name, w.add_nat("nat-" + name, boxes[i])));
      w.start(members.back());
    }
    const auto made = w.create_party(members[0], "friends");
    REQUIRE(made.has_value());
    for (const auto who : {members[1], members[2]})
      REQUIRE(w.join_party(who, made->invite).has_value());
    REQUIRE(w.run_until([this] { return w.all_connected(); }, 15s));
  }
  static world_settings with(std::uint64_t seed) {
    world_settings out;
    out.seed = seed;
    return out;
  }

  bool everybody_answers() {
    for (const auto from : members)
      for (const auto to : members)
        if (from != to && !w.ping(from, to, 1s)) return false;
    return true;
  }
};

/// One death and, where a service manager cares for the dead, its restart.
void one_death(party_of_three& p, net::splitmix64& draw) {
  const auto later = [&](std::function<void()> deed) {
    p.w.plan().at(p.w.now() + service_restart, std::move(deed));
  };
  const auto who = p.members[draw.next() % p.members.size()];
  switch (draw.next() % 8) {
  case 0:
    if (!p.w.control().running()) return;
    p.w.control().stop();
    return later([&p] { p.w.control().start(); });
  case 1: {
    auto& relay = p.w.relay(p.relays[draw.next() % p.relays.size()]);
    if (!relay.running()) return;
    relay.kill();
    return later([&relay] { relay.start(); });
  }
  case 2:
    if (!p.w.running(who)) return;
    p.w.kill(who);
    return later([&p, who] { p.w.start(who); });
  case 3:
    return p.w.on(who).delete_device(); // what wireguard-go takes along
  default:
    p.w.crash(who, actor_names[draw.next() % actor_names.size()]);
  }
}

} // namespace

TEST_CASE("no actor of a daemon is left out of the deaths") {
  CHECK(party_of_three{1}.born == std::set<std::string>(actor_names.begin(), actor_names.end()));
}

TEST_CASE("every actor of a daemon may crash: it is back, and no packet was lost") {
  const auto name = GENERATE(from_range(actor_names));
  party_of_three p{1};
  const auto who = name == "peer p1" ? p.members[1] : p.members[0];
  const auto other = name == "peer p1" ? p.members[0] : p.members[1];
  p.w.run_for(10s);
  const auto stream = p.w.start_pings(who, other, 50ms, 1'200);
  INFO(name);
  REQUIRE(p.w.crash(who, name));
  CHECK_FALSE(p.w.crash(who, name)); // dead is dead
  p.w.run_for(1s);
  REQUIRE(p.w.crash(who, name)); // and there is another one
  p.w.run_for(60s);
  UNSCOPED_INFO(p.text);
  CHECK(p.w.all_connected());
  CHECK(p.everybody_answers());
  CHECK(p.w.pings(stream).answered == 1'200);
}

TEST_CASE("deaths in any order never need a manual restart") {
  for (std::uint64_t seed = 1; seed <= orders; ++seed) {
    party_of_three p{seed};
    auto draw = net::splitmix64{seed};
    for (int i = 0; i < deaths; ++i) {
      one_death(p, draw);
      p.w.run_for(std::chrono::milliseconds{draw.next() % (longest_pause / 1ms)});
    }
    p.w.run_for(service_restart);
    const auto until = p.w.now() + enough_for_all;
    while (!p.everybody_answers() && p.w.now() < until)
      p.w.run_for(1s);
    UNSCOPED_INFO("seed " << seed << "\n" << p.text);
    REQUIRE(p.everybody_answers());
    REQUIRE(p.w.run_until([&] { return p.w.all_connected(); }, enough_for_all, 100ms));
  }
}
