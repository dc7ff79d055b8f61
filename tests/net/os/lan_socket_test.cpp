#include "net/os/lan_socket.hpp"
#include "tests/net/os/own_network.hpp"
#include "tests/net/os/sockets.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <fcntl.h>

#include <algorithm>

using namespace lanrage::net;
using namespace lanrage::net::os;
using namespace lanrage::net::os::test;

namespace {

constexpr std::uint16_t lan_port = 51866;

lan_socket_options options(std::vector<std::string> avoid = {}) {
  return {lan_port, *ip_address::parse("239.255.76.78"), *ip_address::parse("ff12::cc4e:5201"),
          "lanrage0", std::move(avoid)};
}

std::shared_ptr<const bytes> text(std::string_view what) {
  const auto octets = as_bytes(what);
  return std::make_shared<const bytes>(octets.begin(), octets.end());
}

/// A member in this thread's network.
struct near_end {
  boost::asio::io_context context{1};
  std::vector<lan_datagram> heard;
  std::vector<std::vector<std::string>> ready;
  std::unique_ptr<lan_socket> socket;

  explicit near_end(std::vector<std::string> avoid = {}) {
    socket = lan_socket::open(
                 context, options(std::move(avoid)),
                 {[this](lan_datagram what) { heard.push_back(std::move(what)); },
                  [this](std::vector<std::string> names) { ready.push_back(std::move(names)); },
                  [](const error& why) { throw failure{why}; }})
                 .value();
    REQUIRE(until([&] { return !ready.empty(); }));
  }
  template <class Condition>
  bool until(Condition holds) {
    return run_until(context, holds);
  }
  std::size_t count(std::string_view what) const {
    const auto wanted = text(what);
    std::size_t out = 0;
    for (const auto& each : heard)
      out += each.payload == *wanted ? 1 : 0;
    return out;
  }
};

/// A member in the network at the other end of the cable, which says back to its sender what it
/// hears, and can be made to say something to all.
class far_end {
 public:
  explicit far_end(const std::string& network) {
    std::promise<void> open;
    auto opened = open.get_future();
    thread_ = std::thread{[this, network, &open] {
      const int ns = ::open(network.c_str(), O_RDONLY | O_CLOEXEC);
      if (ns < 0 || ::setns(ns, CLONE_NEWNET) != 0) {
        open.set_exception(std::make_exception_ptr(std::runtime_error("setns")));
        return;
      }
      ::close(ns);
      socket_ = lan_socket::open(context_, options(),
                                 {[this](lan_datagram what) {
                                    // What had arrived before the end is still told after it.
                                    if (socket_)
                                      socket_->send(what.from,
                                                    std::make_shared<const bytes>(what.payload));
                                  },
                                  [&open, told = false](auto) mutable {
                                    if (!std::exchange(told, true)) open.set_value();
                                  },
                                  [](const error&) {}})
                    .value();
      context_.run();
      socket_.reset();
      context_.restart();
      context_.poll();
    }};
    opened.get();
  }
  ~far_end() {
    context_.stop();
    thread_.join();
  }
  void say(std::string_view what) {
    boost::asio::post(context_, [this, said = text(what)] { // the socket is its thread's
      socket_->refresh();                                   // a cable takes a moment to come up
      socket_->send(std::nullopt, said);
    });
  }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::unique_ptr<lan_socket> socket_;
  std::thread thread_;
};

void cable(const other_network& other, const std::string& name) {
  sh("ip link add " + name + " type veth peer name far-" + name + " netns " + other.path());
  sh("ip link set " + name + " up");
  other.sh("ip link set far-" + name + " up");
}

void quick_addresses(const other_network& other) {
  const std::string no_dad = "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad";
  sh(no_dad);
  other.sh(no_dad);
}

} // namespace

TEST_CASE("what is said to all is heard at the other end, in both families, and answered to one") {
  in_own_network([] {
    const other_network other;
    quick_addresses(other);
    cable(other, "eth0");
    sh("ip addr add 10.9.0.1/24 dev eth0");
    other.sh("ip addr add 10.9.0.2/24 dev far-eth0");
    near_end here;
    CHECK(here.ready.back() == std::vector<std::string>{"eth0"});
    far_end there{other.path()};
    // Multicast needs no route, and IPv6's own addresses suffice.
    const auto heard_over = [&](bool four) {
      return std::any_of(here.heard.begin(), here.heard.end(), [&](const lan_datagram& each) {
        return each.from.address.is_v4() == four;
      });
    };
    REQUIRE(here.until([&] {
      here.socket->send(std::nullopt, text("hello"));
      return heard_over(true) && heard_over(false);
    }));
    for (const auto& each : here.heard) {
      const bool four = to_string(each.from.address) == "10.9.0.2";
      CHECK((four || (each.from.address.is_link_local() && !each.from.address.is_v4())));
      CHECK(each.from.interface == ::if_nametoindex("eth0"));
      CHECK(each.payload == *text("hello"));
    }
    there.say("news");
    CHECK(here.until([&] { return here.count("news") >= 2; }));
  });
}

TEST_CASE(
    "interfaces that come and go are followed, those to avoid and the tunnel are left alone") {
  in_own_network([] {
    const other_network other;
    quick_addresses(other);
    for (const auto* name : {"eth0", "docker0", "lanrage0"})
      cable(other, name);
    near_end here{{"docker0"}};
    CHECK(here.ready.back() == std::vector<std::string>{"eth0"});
    far_end there{other.path()};
    REQUIRE(here.until([&] {
      there.say("one"); // nor is its address there at once
      return here.count("one") > 0;
    }));
    run_ready(here.context);
    for (const auto& each : here.heard)
      CHECK(each.from.interface == ::if_nametoindex("eth0"));

    cable(other, "eth1");
    here.socket->refresh();
    REQUIRE(here.until([&] { return here.ready.back().size() == 2; }));
    sh("ip link del eth0");
    here.socket->refresh();
    REQUIRE(here.until([&] { return here.ready.back() == std::vector<std::string>{"eth1"}; }));
    far_end anew{other.path()};
    REQUIRE(here.until([&] {
      anew.say("two");
      return here.count("two") > 0;
    }));
    sh("ip link set eth1 down");
    here.socket->refresh();
    REQUIRE(here.until([&] { return here.ready.back().empty(); }));
  });
}

TEST_CASE("only the members' port is listened to, and datagrams that are too long are nobody's") {
  in_own_network([] {
    const other_network other;
    quick_addresses(other);
    cable(other, "eth0");
    sh("ip addr add 10.9.0.1/24 dev eth0");
    near_end here;
    // From this very machine: another program, on another port.
    const udp_socket stranger{"10.9.0.1:4000"};
    stranger.send("10.9.0.1:51866", as_bytes("from another port"));
    far_end there{other.path()};
    REQUIRE(here.until([&] {
      there.say("begin");
      return here.count("begin") > 0;
    }));
    there.say(std::string(2'100, 'y'));
    there.say("end");
    REQUIRE(here.until([&] { return here.count("end") > 0; }));
    CHECK(here.count("from another port") == 0);
    CHECK(here.count(std::string(2'100, 'y')) == 0);
  });
}

TEST_CASE("a port that another program has is an error that says which") {
  in_own_network([] {
    // Without SO_REUSEADDR, as any other program.
    const udp_socket other{"0.0.0.0:51866"};
    boost::asio::io_context context{1};
    const auto opened = lan_socket::open(context, options(), {});
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == errc::already_exists);
    CHECK(opened.error().detail.find("51866") != std::string::npos);
  });
}
