#include "net/os/route_watch.hpp"
#include "tests/net/os/own_network.hpp"
#include "tests/net/os/sockets.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage::net;
using namespace lanrage::net::os;
using namespace lanrage::net::os::test;

namespace {

struct watching {
  using news = std::pair<network_event, std::string>;
  boost::asio::io_context context{1};
  std::vector<news> heard;
  std::unique_ptr<route_watch> watch;

  watching() {
    watch = route_watch::open(context, {[this](network_event event, const std::string& interface) {
                                          heard.emplace_back(event, interface);
                                        },
                                        [](const error& why) { throw failure{why}; }})
                .value();
    run_ready(context);
  }
  bool hears(network_event event, const std::string& interface) {
    const bool came = run_until(context, [&] {
      return std::find(heard.begin(), heard.end(), news{event, interface}) != heard.end();
    });
    run_ready(context);
    return came;
  }
};

std::vector<std::string> addresses(const std::string& except = {}) {
  std::vector<std::string> out;
  for (const auto& address : local_addresses(except).value())
    out.push_back(to_string(address));
  return out;
}

void a_cable() {
  sh("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
  sh("ip link add near type veth peer name far && ip link set near up && ip link set far up");
}

} // namespace

TEST_CASE("addresses, default routes and links are news") {
  in_own_network([] {
    a_cable();
    watching w;
    sh("ip addr add 192.0.2.2/24 dev near");
    CHECK(w.hears(network_event::address, "near"));
    w.heard.clear();
    sh("ip addr add 2001:db8::2/64 dev near");
    CHECK(w.hears(network_event::address, "near"));
    w.heard.clear();
    sh("ip route add default via 192.0.2.1");
    CHECK(w.hears(network_event::default_route, ""));
    w.heard.clear();
    sh("ip -6 route add default via 2001:db8::1");
    CHECK(w.hears(network_event::default_route, ""));
    w.heard.clear();
    sh("ip addr del 192.0.2.2/24 dev near");
    CHECK(w.hears(network_event::address, "near"));
    sh("ip link set near down");
    CHECK(w.hears(network_event::link, "near"));
    sh("ip link del near");
    CHECK(w.hears(network_event::link_gone, "near"));
    CHECK(w.hears(network_event::link_gone, "far"));
  });
}

TEST_CASE("other routes are no news") {
  in_own_network([] {
    a_cable();
    sh("ip addr add 192.0.2.2/24 dev near");
    watching w;
    sh("ip route add 198.51.100.0/24 via 192.0.2.1");
    sh("ip route add default via 192.0.2.1"); // a marker: everything before it has been heard
    REQUIRE(w.hears(network_event::default_route, ""));
    CHECK(w.heard.size() == 1);
  });
}

TEST_CASE("a closed watch is silent") {
  in_own_network([] {
    a_cable();
    watching w;
    w.watch.reset();
    run_ready(w.context);
    sh("ip addr add 192.0.2.2/24 dev near");
    run_ready(w.context);
    CHECK(w.heard.empty());
  });
}

TEST_CASE("local addresses are those a peer elsewhere could reach") {
  in_own_network([] {
    a_cable();
    CHECK(addresses().empty()); // loopback and link-local do not count
    sh("ip addr add 192.0.2.2/24 dev near && ip addr add 10.66.0.7/16 dev far");
    sh("ip addr add 2001:db8::2/64 dev near && ip addr add 203.0.113.9/32 dev lo");
    sh("ip addr add 169.254.1.1/16 dev near");
    CHECK(addresses("far") == std::vector<std::string>{"192.0.2.2", "2001:db8::2"});
    CHECK(addresses() == std::vector<std::string>{"10.66.0.7", "192.0.2.2", "2001:db8::2"});
    sh("ip link set near down");
    CHECK(addresses("far").empty());
  });
}
