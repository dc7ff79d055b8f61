#include "actors/drivers/port_driver.hpp"
#include "actors/drivers/prober_driver.hpp"
#include "actors/drivers/route_watch_driver.hpp"
#include "config/defaults.hpp"
#include "messages/error.hpp"
#include "net/frames.hpp"
#include "net/stun.hpp"
#include "sim/virtual_time.hpp"
#include "tests/net/octets.hpp"
#include "tests/net/os/own_network.hpp"
#include "tests/net/os/sockets.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>

using namespace lanrage;
using namespace lanrage::net::os::test;
using namespace std::chrono_literals;
namespace octets = lanrage::net::test;

namespace {

constexpr std::uint16_t port = 51820;

msg::frame_sink::behavior_type hear_frames(msg::frame_sink::pointer,
                                           std::vector<msg::frame_received>* heard) {
  return {[heard](const msg::frame_received& frame) { heard->push_back(frame); }};
}

msg::network_sink::behavior_type hear_network(msg::network_sink::pointer,
                                              std::vector<msg::network_changed>* heard) {
  return {[heard](const msg::network_changed& news) { heard->push_back(news); }};
}

/// Tells why an actor ended.
caf::behavior watch_end(caf::event_based_actor* self, const caf::actor& who,
                        std::vector<caf::error>* ends) {
  self->set_down_handler([ends](caf::down_msg& down) { ends->push_back(down.reason); });
  self->monitor(who);
  return {[](caf::unit_t) {}};
}

/// Actors on virtual time and sockets on real time, both on this thread, in a network of its own.
struct stage {
  boost::asio::io_context io{1};
  sim::virtual_time time;
  std::vector<caf::error> ends;

  template <class Condition>
  bool until(Condition holds) {
    return run_until(io, [&] {
      time.settle();
      return holds();
    });
  }
  void settle() {
    time.settle();
    run_ready(io);
    time.settle();
  }
  template <class Handle>
  void watch(const Handle& who) {
    time.own(time.system().spawn(watch_end, caf::actor_cast<caf::actor>(who), &ends));
    time.settle();
  }
};

net::bytes stun_answer() {
  return net::stun::binding_success(octets::counting<12>(), {net::ip_address::v4(1), 1});
}

} // namespace

TEST_CASE("the port driver gives each interest its datagrams, and an attachment replaces") {
  in_own_network([] {
    const udp_socket wireguard{"0.0.0.0:51820"};
    const udp_socket remote{"127.0.0.1:40000"};
    std::vector<msg::frame_received> paths, relays, later;
    stage s;
    const auto memory = std::make_shared<actors::port_memory>();
    const auto driver =
        s.time.own(actors::spawn_port_driver(s.time.system(), {}, s.io, {port, 0, ""}, memory));
    const auto attach = [&](msg::frame_interest interest, std::vector<msg::frame_received>* heard) {
      const auto sink = s.time.own(s.time.system().spawn(hear_frames, heard));
      caf::anon_send(driver, msg::attach_frames{interest, sink});
      s.settle();
    };
    attach(msg::frame_interest::paths, &paths);
    attach(msg::frame_interest::relays, &relays);
    const net::shared_key key{octets::counting<32>()};
    remote.send("127.0.0.1:51820", stun_answer());
    remote.send("127.0.0.1:51820", net::encode(net::probe{}, key));
    remote.send("127.0.0.1:51820", net::encode(net::challenge{}));
    REQUIRE(s.until([&] { return paths.size() == 2 && relays.size() == 1; }));
    CHECK(*paths[0].data == stun_answer());
    CHECK(*relays[0].data == net::encode(net::challenge{}));
    CHECK(relays[0].from == net::endpoint::parse("127.0.0.1:40000"));
    CHECK(relays[0].local == net::ip_address::parse("127.0.0.1"));
    attach(msg::frame_interest::relays, &later);
    remote.send("127.0.0.1:51820", net::encode(net::challenge{}));
    REQUIRE(s.until([&] { return !later.empty(); }));
    CHECK(relays.size() == 1);
  });
}

TEST_CASE("the port driver sends from the shared port") {
  in_own_network([] {
    const udp_socket remote{"127.0.0.1:40000"};
    stage s;
    const auto driver = s.time.own(actors::spawn_port_driver(
        s.time.system(), {}, s.io, {port, 0, ""}, std::make_shared<actors::port_memory>()));
    const auto data = std::make_shared<const net::bytes>(stun_answer());
    caf::anon_send(driver, msg::send_frame{*net::endpoint::parse("127.0.0.1:40000"), data});
    s.settle();
    const auto heard = remote.receive();
    REQUIRE(heard);
    CHECK(heard->first == stun_answer());
    CHECK(heard->second == net::endpoint::parse("127.0.0.1:51820"));
  });
}

TEST_CASE("the next incarnation of the port driver serves who attached to the last one") {
  in_own_network([] {
    const udp_socket remote{"127.0.0.1:40000"};
    std::vector<msg::frame_received> paths;
    stage s;
    const auto memory = std::make_shared<actors::port_memory>();
    const auto spawn = [&] {
      return s.time.own(
          actors::spawn_port_driver(s.time.system(), {}, s.io, {port, 0, ""}, memory));
    };
    const auto first = spawn();
    const auto sink = s.time.own(s.time.system().spawn(hear_frames, &paths));
    caf::anon_send(first, msg::attach_frames{msg::frame_interest::paths, sink});
    s.settle();
    caf::anon_send_exit(first, caf::exit_reason::kill);
    s.settle();
    spawn();
    s.settle();
    remote.send("127.0.0.1:51820", stun_answer());
    REQUIRE(s.until([&] { return !paths.empty(); }));
    s.settle();
    CHECK(paths.size() == 1); // the first one's sockets are closed
  });
}

TEST_CASE("a port driver that may not open raw sockets quits with the reason") {
  in_own_network([] {
    std::thread{[] {
      if (::syscall(SYS_setresuid, 65534, 65534, 65534) != 0) return;
      stage s;
      const auto driver = s.time.own(actors::spawn_port_driver(
          s.time.system(), {}, s.io, {port, 0, ""}, std::make_shared<actors::port_memory>()));
      s.watch(driver);
      REQUIRE(s.ends.size() == 1);
      CHECK(msg::from_caf(s.ends[0]).code == net::errc::not_permitted);
    }}.join();
  });
}

TEST_CASE("the prober driver answers with the round trip, or with a loss") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    stage s;
    const auto driver = s.time.own(actors::spawn_prober_driver(s.time.system(), s.io, "lo"));
    const auto ask = [&](const net::virtual_ip& to) {
      caf::scoped_actor self{s.time.system()};
      auto pending = self->request(driver, caf::infinite, msg::probe_tunnel{to, 100ms});
      REQUIRE(s.until([&] { return self->has_next_message(); }));
      msg::probe_report out;
      pending.receive([&](const msg::probe_report& report) { out = report; },
                      [](const caf::error& why) { throw net::failure{msg::from_caf(why)}; });
      return out;
    };
    CHECK(ask(net::virtual_ip::parse("10.66.0.2").value()).rtt);
    CHECK_FALSE(ask(net::virtual_ip::parse("10.66.0.9").value()).rtt); // no route: not even sent
    CHECK_FALSE(ask(net::virtual_ip{}).rtt);
    sh("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all");
    CHECK_FALSE(ask(net::virtual_ip::parse("10.66.0.2").value()).rtt);
  });
}

TEST_CASE("a prober driver that ends fails what is under way") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    sh("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all");
    stage s;
    const auto driver = s.time.own(actors::spawn_prober_driver(s.time.system(), s.io, "lo"));
    caf::scoped_actor self{s.time.system()};
    const msg::probe_tunnel wish{net::virtual_ip::parse("10.66.0.2").value(), 5'000ms};
    auto pending = self->request(driver, caf::infinite, wish);
    s.settle();
    caf::anon_send_exit(driver, caf::exit_reason::user_shutdown);
    REQUIRE(s.until([&] { return self->has_next_message(); }));
    bool failed = false;
    pending.receive([](const msg::probe_report&) {}, [&](const caf::error&) { failed = true; });
    CHECK(failed);
  });
}

TEST_CASE("a burst of changes is told once, with the addresses it ended with") {
  in_own_network([] {
    sh("ip link add near type veth peer name far && ip link set near up && ip link set far up");
    std::vector<msg::network_changed> heard;
    stage s;
    const auto memory = std::make_shared<actors::route_watch_memory>();
    const auto driver =
        s.time.own(actors::spawn_route_watch_driver(s.time.system(), s.io, "far", memory));
    const auto sink = s.time.own(s.time.system().spawn(hear_network, &heard));
    caf::anon_send(driver, msg::attach_network{sink});
    caf::anon_send(driver, msg::attach_network{sink}); // again is no second listener
    s.settle();
    s.time.run_for(config::defaults::network_settle);
    heard.clear(); // what was left of setting the scene
    sh("ip addr add 192.0.2.2/24 dev near && ip addr add 192.0.2.3/24 dev near");
    sh("ip route add default via 192.0.2.1");
    s.settle();
    CHECK(heard.empty());
    s.time.run_for(config::defaults::network_settle - 1ms);
    CHECK(heard.empty());
    s.time.run_for(1ms);
    REQUIRE(heard.size() == 1);
    const std::vector<net::ip_address> expected{*net::ip_address::parse("192.0.2.2"),
                                                *net::ip_address::parse("192.0.2.3")};
    CHECK(heard[0].now.addresses == expected);

    // The tunnel's own addresses, and what ends as it was, are no news.
    sh("ip addr add 10.66.0.2/16 dev far");
    sh("ip addr add 192.0.2.4/24 dev near && ip addr del 192.0.2.4/24 dev near");
    s.settle();
    s.time.run_for(1s);
    CHECK(heard.size() == 1);
    // A default route is, with the same addresses.
    sh("ip route del default");
    s.settle();
    s.time.run_for(1s);
    CHECK(heard.size() == 2);
    CHECK(memory->listeners.size() == 1);
    caf::anon_send_exit(sink, caf::exit_reason::kill);
    s.settle();
    CHECK(memory->listeners.empty());
  });
}

TEST_CASE("a machine that was suspended is news, once, with how long it slept") {
  in_own_network([] {
    std::vector<msg::network_changed> heard;
    std::chrono::nanoseconds asleep = 3h; // before the daemon was there
    stage s;
    const auto memory = std::make_shared<actors::route_watch_memory>();
    const auto driver = s.time.own(actors::spawn_route_watch_driver(
        s.time.system(), s.io, "", memory, [&asleep] { return asleep; }));
    const auto sink = s.time.own(s.time.system().spawn(hear_network, &heard));
    caf::anon_send(driver, msg::attach_network{sink});
    s.settle();
    s.time.run_for(10s);
    heard.clear(); // what was left of setting the scene
    asleep += 1ms; // the two clocks are read one after the other
    s.time.run_for(10s);
    CHECK(heard.empty());
    asleep += 8h;
    s.time.run_for(config::defaults::sleep_look);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].slept == 8h);
    s.time.run_for(10s);
    CHECK(heard.size() == 1);
    asleep += 1min;
    s.time.run_for(config::defaults::sleep_look - 1ms);
    asleep += 1min; // again, before anybody looked
    s.time.run_for(1ms);
    REQUIRE(heard.size() == 2);
    CHECK(heard[1].slept == 2min);
  });
}

TEST_CASE("the time asleep is what the boot clock is ahead of the monotonic one") {
  // As after a sleep: a process of another time namespace, whose boot clock is ahead.
  constexpr std::chrono::seconds more = 8h;
  constexpr int no_namespace = 2;
  const auto before = actors::time_asleep();
  const auto ends_with = [](const std::function<int()>& what) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(what());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const auto how = ends_with([&] {
    if (::unshare(CLONE_NEWTIME) != 0) return no_namespace;
    std::ofstream{"/proc/self/timens_offsets"} << "boottime " << more.count() << " 0" << std::flush;
    // Who unshared stays; its children are there.
    return ends_with([&] {
      const auto off = actors::time_asleep() - before - more;
      return off > -1s && off < 1s ? 0 : 1; // not read at one instant
    });
  });
  if (how == no_namespace) {
    std::cout << "SKIPPED: needs root to make a time namespace" << std::endl;
    return;
  }
  CHECK(how == 0);
}

TEST_CASE("the next incarnation of the route watch tells what its listeners missed") {
  in_own_network([] {
    sh("ip link add near type veth peer name far && ip link set near up && ip link set far up");
    std::vector<msg::network_changed> heard;
    stage s;
    const auto memory = std::make_shared<actors::route_watch_memory>();
    const auto spawn = [&] {
      return s.time.own(actors::spawn_route_watch_driver(s.time.system(), s.io, "", memory));
    };
    const auto first = spawn();
    const auto sink = s.time.own(s.time.system().spawn(hear_network, &heard));
    caf::anon_send(first, msg::attach_network{sink});
    s.settle();
    caf::anon_send_exit(first, caf::exit_reason::kill);
    s.settle();
    heard.clear();
    sh("ip addr add 192.0.2.2/24 dev near");
    const auto second = spawn();
    s.settle();
    s.time.run_for(1s);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].now.addresses.size() == 1);
    const auto now = s.time.ask<msg::host_addresses>(second, 1s, msg::get_host_addresses{});
    REQUIRE(now);
    CHECK(now->addresses == heard[0].now.addresses);
  });
}
