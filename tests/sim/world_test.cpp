#include "sim/world.hpp"
#include "tests/sim/pair_world.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <set>
#include <utility>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

TEST_CASE("two members behind port-restricted boxes go direct") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(3s);
  UNSCOPED_INFO(p.text);
  REQUIRE(p.how() == msg::strategy::direct);
  // 10 ms between the boxes and 0.2 ms to each machine, there and back.
  CHECK(p.w.ping(p.alice, p.bob, 1s) == 20'800us);
}

TEST_CASE("two members behind symmetric boxes are relayed") {
  pair_world p{symmetric(), symmetric()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(3s);
  UNSCOPED_INFO(p.text);
  CHECK(p.how() == msg::strategy::relay);
  CHECK(p.w.ping(p.alice, p.bob, 1s) == 40'800us); // over the relay, twice 10 ms each way
  CHECK(p.w.relay(p.relay[0]).count()->data > 0);
}

TEST_CASE("the explanation of a pair names every address that was tried and what came of it") {
  for (const auto& how : {port_restricted(), symmetric()}) {
    pair_world p{how, how};
    p.meet();
    REQUIRE(p.connect());
    p.w.run_for(5s);
    const auto said = p.w.actors().ask<msg::explanation>(
        p.w.roles(p.alice).supervisor, 1s,
        msg::explain_peer{{}, net::peer_id::parse("bob").value()});
    REQUIRE(said);
    const bool direct = p.how() == msg::strategy::direct;
    CHECK(said->candidates.size() >= 2);
    int used = 0;
    for (const auto& one : said->candidates) {
      INFO(net::to_string(one.tried.what.address) << ": " << one.verdict);
      CHECK(one.tried.sent > 0);
      CHECK((one.verdict == "in use") == one.in_use);
      CHECK(one.in_use == one.tried.rtt.has_value());
      CHECK(one.in_use == (said->view.where == one.tried.what.address));
      if (!one.in_use) CHECK(one.verdict.starts_with("no answer"));
      used += one.in_use;
    }
    CHECK(used == (direct ? 1 : 0));
  }
}

TEST_CASE("a relayed pair survives the death of its relay") {
  pair_world p{symmetric(), symmetric(), {}, 2};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(5s);
  const auto used = p.w.connection(p.alice, p.bob)->relay;
  REQUIRE(used);
  const auto dying = *used == "relay1" ? p.relay[0] : p.relay[1];
  const auto stream = p.w.start_pings(p.alice, p.bob, 100ms, 600);
  p.w.run_for(5s);
  CHECK(p.w.pings(stream).answered >= 49);
  p.w.relay(dying).kill();
  p.w.run_for(55s);
  UNSCOPED_INFO(p.text);
  const auto after = p.w.connection(p.alice, p.bob);
  CHECK(after->relay != used);
  CHECK(after->at == msg::phase::connected);
  CHECK(p.w.ping(p.alice, p.bob, 1s));
  CHECK(p.w.pings(stream).longest_silence < 30s);
}

TEST_CASE("killing a daemon loses no packet, and the next one adopts what it finds") {
  const auto how = GENERATE(port_restricted(), symmetric());
  pair_world p{how, how};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(5s);
  const auto stream = p.w.start_pings(p.alice, p.bob, 50ms, 6'000);
  p.w.run_for(10s);
  p.w.kill(p.alice);
  p.w.run_for(200s); // past a rekey, within the relay's memory
  p.w.start(p.alice);
  p.w.run_for(90s + 1s);
  UNSCOPED_INFO(p.text);
  const auto& s = p.w.pings(stream);
  CHECK(s.sent == 6'000);
  CHECK(s.arrived == s.sent);
  CHECK(s.answered == s.sent);
  CHECK(p.both(msg::phase::connected));
}

TEST_CASE("no echo of a daemon has the token of one of the daemon before") {
  struct listener final : world_watcher {
    void echo_asked(std::uint32_t, const inner_packet& inner) override {
      ++asked;
      tokens.emplace(inner.from.host_order(), inner.token);
    }
    std::size_t asked = 0;
    std::set<std::pair<std::uint32_t, std::uint64_t>> tokens;
  } heard;
  pair_world p{port_restricted(), port_restricted()};
  p.w.watched_by(&heard);
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(90s);
  const auto before = heard.asked;
  p.w.kill(p.alice);
  p.w.start(p.alice);
  p.w.run_for(90s);
  p.w.watched_by(nullptr);
  CHECK(before > 3);
  CHECK(heard.asked > before + 3);
  CHECK(heard.tokens.size() == heard.asked);
}

TEST_CASE("a control outage cuts nobody, and members find each other after it") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  const auto stream = p.w.start_pings(p.alice, p.bob, 1s, 300);
  p.w.control().stop();
  p.w.run_for(200s);
  CHECK_FALSE(p.w.status(p.alice).self.control.up);
  CHECK(p.both(msg::phase::connected));
  p.w.control().start();
  p.w.run_for(101s);
  CHECK(p.w.status(p.alice).self.control.up);
  CHECK(p.w.pings(stream).answered == 300);
  const auto carol = p.w.add_member("carol");
  p.w.start(carol);
  CHECK(p.w.join_party(carol, "nonsense").error().code == net::errc::bad_invite);
}

TEST_CASE("a partition disconnects, its end connects again") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(5s);
  p.w.partition({{p.w.control_node(), p.w.node(p.relay[0]), *p.nat_a}, {*p.nat_b}});
  p.w.run_for(120s);
  CHECK_FALSE(p.both(msg::phase::connected));
  CHECK_FALSE(p.w.ping(p.alice, p.bob, 1s));
  p.w.heal();
  UNSCOPED_INFO(p.text);
  CHECK(p.connect(90s));
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("a box that gets another address is found again") {
  const auto how = GENERATE(port_restricted(), symmetric());
  pair_world p{how, how};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(30s);
  const auto stream = p.w.start_pings(p.alice, p.bob, 200ms, 600);
  p.w.run_for(10s);
  p.w.rebind(*p.nat_a);
  p.w.run_for(112s);
  UNSCOPED_INFO(p.text);
  CHECK(p.both(msg::phase::connected));
  CHECK(p.w.pings(stream).longest_silence < 30s);
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("a member that moves is found again") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(30s);
  const auto cafe = p.w.add_nat("nat-cafe", symmetric());
  const auto stream = p.w.start_pings(p.bob, p.alice, 200ms, 600);
  p.w.run_for(10s);
  p.w.move(p.alice, cafe);
  p.w.run_for(112s);
  UNSCOPED_INFO(p.text);
  CHECK(p.both(msg::phase::connected));
  CHECK(p.w.pings(stream).longest_silence < 30s);
}

TEST_CASE("who disconnects on purpose is refused by WireGuard, until somebody connects again") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  REQUIRE(p.w.disconnect(p.alice, "bob").has_value());
  p.w.run_for(5s);
  const auto stream = p.w.start_pings(p.alice, p.bob, 100ms, 1);
  CHECK(p.w.pings(stream).refused == 1);
  CHECK_FALSE(p.w.ping(p.bob, p.alice, 2s));
  p.w.run_for(60s);
  CHECK_FALSE(p.w.ping(p.bob, p.alice, 2s));
  const auto view = p.w.connect(p.alice, "bob", 20s);
  UNSCOPED_INFO(p.text);
  REQUIRE(view.has_value());
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("WireGuard that refuses and is slow delays a connection, no more") {
  pair_world p{port_restricted(), port_restricted()};
  auto& device = p.w.on(p.alice).behavior;
  device.takes = {500ms, 20ms, 100ms};
  device.failures[static_cast<std::size_t>(device_call::apply)] = {
      net::fail(net::errc::wg_refused, "once"), net::fail(net::errc::wg_refused, "twice")};
  device.failures[static_cast<std::size_t>(device_call::ensure)] = {
      net::fail(net::errc::wg_unavailable, "not yet")};
  p.meet();
  UNSCOPED_INFO(p.text);
  CHECK(p.connect(30s));
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("an interface that is deleted is made anew, and the pair connects again") {
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(10s);
  const auto who = GENERATE(true, false);
  p.w.on(who ? p.alice : p.bob).delete_device();
  CHECK_FALSE(p.w.ping(p.alice, p.bob, 1ms));
  p.w.run_for(30s);
  UNSCOPED_INFO(p.text);
  CHECK(p.both(msg::phase::connected));
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("the interface goes with the last party that is left and comes with the next") {
  pair_world p{port_restricted(), port_restricted()};
  p.w.start(p.alice);
  p.w.start(p.bob);
  p.w.run_for(1s);
  CHECK(p.w.on(p.bob).wireguard() == nullptr);
  const auto friends = p.w.create_party(p.alice, "friends");
  const auto others = p.w.create_party(p.alice, "others");
  REQUIRE(friends.has_value());
  REQUIRE(others.has_value());
  for (const auto& made : {friends, others})
    REQUIRE(p.w.join_party(p.bob, made->invite).has_value());
  REQUIRE(p.connect());
  const auto leave = [&](const char* party) {
    REQUIRE(p.w.actors().ask<msg::done>(p.w.roles(p.bob).directory, 15s, msg::party_leave{party}));
  };
  leave("friends");
  p.w.run_for(5s);
  CHECK(p.w.ping(p.alice, p.bob, 1s)); // they share another one
  const std::string fault = GENERATE("none", "calls fail", "daemon killed", "wireguard writer",
                                     "wireguard device", "connection supervisor");
  INFO(fault);
  if (fault == "calls fail")
    p.w.on(p.bob).behavior.failures[static_cast<std::size_t>(device_call::remove)] = {
        net::fail(net::errc::wg_refused, "once"), net::fail(net::errc::timed_out, "twice")};
  else if (fault != "none" && fault != "daemon killed")
    REQUIRE(p.w.crash(p.bob, fault)); // not there when it has to hear of it
  leave("others");
  if (fault == "daemon killed") { // before anything of it is done
    p.w.kill(p.bob);
    CHECK(p.w.on(p.bob).wireguard() != nullptr);
    p.w.start(p.bob);
  }
  p.w.run_for(5s);
  UNSCOPED_INFO(p.text);
  CHECK(p.w.on(p.bob).wireguard() == nullptr);
  CHECK(p.w.on(p.alice).wireguard()->observe().peers.empty());
  CHECK(p.w.status(p.bob).peers.empty());
  CHECK_FALSE(p.w.status(p.bob).self.address.leased());

  REQUIRE(p.w.join_party(p.bob, friends->invite).has_value());
  CHECK(p.connect());
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("a member that leaves and joins again at once has an interface in the end") {
  const auto pause = GENERATE(0ms, 5ms, 10ms, 30ms, 100ms);
  pair_world p{port_restricted(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  const auto invite = p.w.create_party(p.alice, "others")->invite;
  REQUIRE(
      p.w.actors().ask<msg::done>(p.w.roles(p.bob).directory, 15s, msg::party_leave{"friends"}));
  p.w.run_for(pause);
  REQUIRE(p.w.join_party(p.bob, invite).has_value());
  UNSCOPED_INFO(p.text);
  CHECK(p.connect(30s));
  CHECK(p.w.ping(p.alice, p.bob, 1s));
}

TEST_CASE("the same run writes the same bytes, another seed others") {
  const auto run = [](std::uint64_t seed) {
    world_settings settings;
    settings.seed = seed;
    settings.log_packets = true;
    pair_world p{port_restricted(), symmetric(), settings, 2};
    link_settings rough;
    rough.delay = 20ms;
    rough.jitter = 5ms;
    rough.loss_ppm = 20'000;
    p.w.net().set_default(rough);
    p.meet();
    p.w.start_pings(p.alice, p.bob, 100ms, 600);
    p.w.run_for(30s);
    p.w.kill(p.bob);
    p.w.run_for(10s);
    p.w.start(p.bob);
    p.w.run_for(30s);
    return std::pair{p.w.log().hash(), p.text};
  };
  const auto one = run(1);
  const auto two = run(1);
  CHECK(one.first == two.first);
  REQUIRE(one.second == two.second);
  CHECK(one.second.size() > 100'000);
  CHECK(run(2).first != one.first);
}

TEST_CASE("a world ends cleanly with its daemons running and packets under way") {
  pair_world p{symmetric(), port_restricted()};
  p.meet();
  p.w.run_for(150ms);
  CHECK(p.w.net().under_way() + p.w.plan().queue().size() > 0);
}
