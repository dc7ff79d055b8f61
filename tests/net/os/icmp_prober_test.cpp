#include "net/os/icmp_prober.hpp"
#include "net/os/inet_checksum.hpp"
#include "tests/net/os/own_network.hpp"
#include "tests/net/os/sockets.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace lanrage::net;
using namespace lanrage::net::os;
using namespace lanrage::net::os::test;
using namespace std::chrono_literals;

namespace {

using answer = result<std::chrono::nanoseconds>;

virtual_ip at(const std::string& text) {
  return virtual_ip::parse(text).value();
}

/// A prober and the answers it gave, by the number of the probe.
struct probing {
  boost::asio::io_context context{1};
  std::map<int, answer> answers;
  std::optional<icmp_prober> prober;

  explicit probing(const std::string& interface) {
    prober.emplace(context, interface, os_random());
  }
  void probe(int number, const std::string& to, std::chrono::milliseconds timeout) {
    prober->probe(at(to), timeout, [this, number](answer how) {
      CHECK(answers.emplace(number, std::move(how)).second); // answered once
    });
  }
  bool answered(std::size_t count) {
    return run_until(context, [&] { return answers.size() >= count; });
  }
};

/// Answers echo requests by hand, since the kernel is told not to.
struct responder {
  descriptor socket{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)};
  responder() { sh("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"); }

  /// The next echo request without its IP header.
  bytes request() const {
    for (;;) {
      bytes packet(256);
      const auto size = ::recv(socket.get(), packet.data(), packet.size(), 0);
      if (size < 28) throw std::runtime_error("no echo request");
      if (packet[20] == 8)
        return {packet.begin() + 20, packet.begin() + static_cast<std::ptrdiff_t>(size)};
    }
  }
  /// Sends it back as a reply, one octet changed when `at` is inside.
  void reply(bytes echo, std::size_t at = 1'000, const std::string& from = "10.66.0.2") const {
    echo[0] = 0;
    if (at < echo.size()) echo[at] ^= 1;
    echo[2] = echo[3] = 0;
    const auto sum = inet_checksum({echo});
    echo[2] = static_cast<std::uint8_t>(sum >> 8);
    echo[3] = static_cast<std::uint8_t>(sum);
    const descriptor out{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)};
    const auto own = to_socket_address({ip_address::parse(from).value(), 0});
    REQUIRE(::bind(out.get(), own.data(), own.size) == 0);
    const auto to = to_socket_address({ip_address::parse("10.66.0.2").value(), 0});
    REQUIRE(::sendto(out.get(), echo.data(), echo.size(), 0, to.data(), to.size) > 0);
  }
};

} // namespace

TEST_CASE("an answered probe tells its round trip") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    probing p{"lo"};
    p.probe(1, "10.66.0.2", 1s);
    REQUIRE(p.answered(1));
    REQUIRE(p.answers.at(1).has_value());
    CHECK(*p.answers.at(1) >= 0ns);
    CHECK(*p.answers.at(1) < 1s);
  });
}

TEST_CASE("an unanswered probe times out, and not before its timeout") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    responder silent;
    probing p{"lo"};
    const auto start = std::chrono::steady_clock::now();
    p.probe(1, "10.66.0.2", 60ms);
    p.probe(2, "10.66.0.2", 30ms);
    REQUIRE(p.answered(1));
    CHECK(p.answers.contains(2));
    REQUIRE(p.answered(2));
    CHECK(std::chrono::steady_clock::now() - start >= 60ms);
    CHECK(p.answers.at(1).error().code == errc::timed_out);
    CHECK(p.answers.at(2).error().code == errc::timed_out);
  });
}

TEST_CASE("only the very echo answers a probe: id, sequence, nonce, type and sender") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo && ip addr add 10.66.0.3/32 dev lo");
    responder by_hand;
    probing p{"lo"};
    p.probe(1, "10.66.0.2", 5s);
    run_ready(p.context);
    const auto request = by_hand.request();
    REQUIRE(request.size() == 16); // with 20 of IP and WireGuard's padding: 108 on the wire
    for (const std::size_t octet : {4u, 5u, 6u, 7u, 8u, 15u})
      by_hand.reply(request, octet);
    by_hand.reply(request, 1'000, "10.66.0.3");
    auto longer = request;
    longer.push_back(0);
    by_hand.reply(longer);
    // All forgeries are queued before the right one: were one taken, it would be told first.
    run_ready(p.context);
    CHECK(p.answers.empty());
    by_hand.reply(request);
    REQUIRE(p.answered(1));
    CHECK(p.answers.at(1).has_value());
    by_hand.reply(request); // a second answer is nobody's
    run_ready(p.context);
    CHECK(p.answers.size() == 1);
  });
}

TEST_CASE("an answer that waited in the socket is not counted as lost") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    probing p{"lo"};
    p.probe(1, "10.66.0.2", 20ms);
    run_ready(p.context);
    // The io thread was busy elsewhere, beyond the deadline.
    const auto late = std::chrono::steady_clock::now() + 40ms;
    while (std::chrono::steady_clock::now() < late) {
    }
    REQUIRE(p.answered(1));
    REQUIRE(p.answers.at(1).has_value());
    CHECK(*p.answers.at(1) < 20ms); // nor is the wait counted
  });
}

TEST_CASE("thousands of probes may be under way") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    probing p{"lo"};
    constexpr int count = 3'000;
    for (int i = 0; i < count; ++i)
      p.probe(i, "10.66.0.2", 3s);
    REQUIRE(p.answered(count));
    int lost = 0;
    for (const auto& [number, how] : p.answers)
      lost += how.has_error() ? 1 : 0;
    CHECK(lost == 0);
  });
}

TEST_CASE("without the interface a probe fails at once, and works once it is there") {
  in_own_network([] {
    const other_network other;
    const auto plug_in = [&] {
      sh("ip link add tunnel type veth peer name far && ip link set far netns " + other.path());
      sh("ip addr add 10.66.0.1/16 dev tunnel && ip link set tunnel up");
      other.sh("ip addr add 10.66.0.2/16 dev far && ip link set far up");
    };
    probing p{"tunnel"};
    p.probe(1, "10.66.0.2", 1s);
    REQUIRE(p.answered(1));
    CHECK(p.answers.at(1).error().code == errc::unreachable);
    plug_in();
    p.probe(2, "10.66.0.2", 3s);
    REQUIRE(p.answered(2));
    CHECK(p.answers.at(2).has_value());
    sh("ip link del tunnel");
    plug_in(); // the same name, another interface
    p.probe(3, "10.66.0.2", 3s);
    REQUIRE(p.answered(3));
    CHECK(p.answers.at(3).has_value());
  });
}

TEST_CASE("a prober that ends answers what is under way") {
  in_own_network([] {
    sh("ip addr add 10.66.0.2/32 dev lo");
    responder silent;
    probing p{"lo"};
    p.probe(1, "10.66.0.2", 1h);
    run_ready(p.context);
    p.prober.reset();
    REQUIRE(p.answered(1));
    CHECK(p.answers.at(1).error().code == errc::closed);
  });
}
