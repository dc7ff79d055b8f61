#include "net/frames.hpp"
#include "net/os/inet_checksum.hpp"
#include "net/os/raw_port.hpp"
#include "net/stun.hpp"
#include "tests/net/octets.hpp"
#include "tests/net/os/own_network.hpp"
#include "tests/net/os/sockets.hpp"

#include <catch2/catch.hpp>

#include <sys/syscall.h>

#include <array>
#include <deque>

using namespace lanrage::net;
using namespace lanrage::net::os;
using namespace lanrage::net::os::test;
namespace octets = lanrage::net::test;

namespace {

constexpr std::uint16_t wg_port = 51820;

/// A raw port and what it told.
struct listening_port {
  boost::asio::io_context context{1};
  std::deque<raw_datagram> received;
  std::deque<std::pair<endpoint, error>> undelivered;
  std::unique_ptr<raw_port> port;

  explicit listening_port(raw_port_options options = {wg_port, 0, ""}) {
    auto opened = raw_port::open(
        context, options,
        {[this](raw_datagram datagram) { received.push_back(std::move(datagram)); },
         [this](const endpoint& to, const error& why) { undelivered.emplace_back(to, why); },
         [](const error& why) { throw failure{why}; }});
    port = std::move(opened).value();
    run_ready(context);
  }
  void send(std::string_view to, bytes payload) {
    port->send(endpoint::parse(to).value(), std::make_shared<const bytes>(std::move(payload)));
    run_ready(context);
  }
  bool hears(std::size_t count) {
    return run_until(context, [&] { return received.size() >= count; });
  }
};

bytes stun_request() {
  return stun::binding_request(octets::counting<12>());
}
bytes our_frame() {
  return encode(hello{});
}

/// A WireGuard initiation by its outside, with STUN's cookie as its sender index.
bytes unlucky_initiation() {
  bytes out(148, 0xaa);
  const auto head = octets::hex("010000002112a442");
  std::copy(head.begin(), head.end(), out.begin());
  return out;
}

struct addresses {
  std::string_view label;
  std::string_view any, own, remote, own_address;
};
constexpr addresses v4{"IPv4", "0.0.0.0:51820", "127.0.0.1:51820", "127.0.0.1:40000", "127.0.0.1"};
constexpr addresses v6{"IPv6", "[::]:51820", "[::1]:51820", "[::1]:40000", "::1"};

} // namespace

TEST_CASE("a raw port hears STUN and our frames beside a bound socket, which still hears all") {
  in_own_network([] {
    for (const auto& at : {v4, v6}) {
      CAPTURE(at.label);
      const udp_socket wireguard{at.any};
      const udp_socket remote{at.remote};
      listening_port shared;
      const bytes all[] = {stun_request(), unlucky_initiation(), our_frame(), bytes(60, 0xff),
                           stun::binding_success(octets::counting<12>(), {ip_address::v4(1), 1})};
      for (const auto& datagram : all)
        remote.send(at.own, datagram);
      for (const auto& datagram : all) {
        const auto heard = wireguard.receive();
        REQUIRE(heard);
        CHECK(heard->first == datagram);
        CHECK(heard->second == endpoint::parse(at.remote));
      }
      REQUIRE(shared.hears(3));
      run_ready(shared.context);
      REQUIRE(shared.received.size() == 3);
      CHECK(shared.received[0].payload == all[0]);
      CHECK(shared.received[1].payload == all[2]);
      CHECK(shared.received[2].payload == all[4]);
      for (const auto& datagram : shared.received) {
        CHECK(datagram.from == endpoint::parse(at.remote));
        CHECK(datagram.local == ip_address::parse(at.own_address));
      }
    }
  });
}

TEST_CASE("a raw port sends from the shared port with a checksum the receiver accepts") {
  in_own_network([] {
    for (const auto& at : {v4, v6}) {
      CAPTURE(at.label);
      const udp_socket wireguard{at.any};
      const udp_socket remote{at.remote};
      listening_port shared;
      // Odd and even lengths take different ways through the checksum.
      for (const std::size_t size : {20, 21, 1400}) {
        CAPTURE(size);
        shared.send(at.remote, bytes(size, 0x5a));
        const auto heard = remote.receive();
        REQUIRE(heard);
        CHECK(heard->first == bytes(size, 0x5a));
        CHECK(heard->second == endpoint::parse(at.own));
      }
      CHECK_FALSE(wireguard.already_here());
      CHECK(shared.undelivered.empty());
      wireguard.send(at.remote, bytes{1, 2, 3}); // its own traffic is untouched
      CHECK(remote.receive()->second == endpoint::parse(at.own));
    }
  });
}

TEST_CASE("a raw port sends from spare ports and hears them, and no other") {
  in_own_network([] {
    for (const auto& at : {v4, v6}) {
      CAPTURE(at.label);
      const udp_socket remote{at.remote};
      listening_port shared{{wg_port, 0, "", {61'000, 4}}};
      const auto request = stun_request();
      shared.port->send(endpoint::parse(at.remote).value(), std::make_shared<const bytes>(request),
                        61'003);
      run_ready(shared.context);
      const auto heard = remote.receive();
      REQUIRE(heard);
      CHECK(heard->first == request);
      CHECK(heard->second.port == 61'003);
      auto own = endpoint::parse(at.own).value();
      for (const auto to : std::array<std::uint16_t, 4>{60'999, 61'000, 61'003, 61'004}) {
        own.port = to;
        remote.send(to_string(own), request);
      }
      REQUIRE(shared.hears(2));
      run_ready(shared.context);
      REQUIRE(shared.received.size() == 2);
      CHECK(shared.received[0].at_port == 61'000);
      CHECK(shared.received[1].at_port == 61'003);
    }
  });
}

TEST_CASE("an IPv4 datagram's checksum is right on the wire, and never zero") {
  in_own_network([] {
    const descriptor tap{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP)};
    REQUIRE(tap);
    listening_port shared;
    bool saw_all_ones = false;
    for (std::uint32_t i = 0; i < 0x10000 && !saw_all_ones; ++i) {
      // Some payload has the sum 0, which must be sent as 0xffff.
      byte_writer payload;
      payload.u32(0).u16(static_cast<std::uint16_t>(i));
      if (i % 4'096 != 0) {
        byte_writer pseudo;
        pseudo.u32(0x7f000001).u32(0x7f000001).u16(17).u16(14);
        byte_writer header;
        header.u16(wg_port).u16(40'000).u16(14).u16(0);
        if (inet_checksum({pseudo.view(), header.view(), payload.view()}) != 0) continue;
      }
      shared.send("127.0.0.1:40000", payload.take());
      bytes packet(2'048);
      const auto size = ::recv(tap.get(), packet.data(), packet.size(), 0);
      REQUIRE(size == 20 + 8 + 6);
      packet.resize(static_cast<std::size_t>(size));
      const auto datagram = byte_view{packet}.subspan(20);
      byte_writer pseudo;
      pseudo.raw(byte_view{packet}.subspan(12, 8)).u16(17).u16(14);
      CHECK(inet_checksum({pseudo.view(), datagram}) == 0);
      CHECK((datagram[6] | datagram[7]) != 0);
      saw_all_ones = datagram[6] == 0xff && datagram[7] == 0xff;
    }
    CHECK(saw_all_ones);
  });
}

TEST_CASE("datagrams with IP options are heard") {
  in_own_network([] {
    const udp_socket wireguard{v4.any};
    const udp_socket remote{v4.remote};
    const std::uint8_t no_operation[8] = {1, 1, 1, 1, 1, 1, 1, 0};
    REQUIRE(::setsockopt(remote.fd(), IPPROTO_IP, IP_OPTIONS, no_operation, sizeof no_operation) ==
            0);
    listening_port shared;
    remote.send(v4.own, unlucky_initiation());
    remote.send(v4.own, our_frame());
    REQUIRE(shared.hears(1));
    CHECK(shared.received.front().payload == our_frame());
    CHECK(shared.received.front().from == endpoint::parse(v4.remote));
  });
}

TEST_CASE("what came before the filter and what is for another port is not delivered") {
  in_own_network([] {
    const udp_socket wireguard{v4.any};
    const udp_socket other{"0.0.0.0:51821"};
    const udp_socket remote{v4.remote};
    listening_port shared;
    remote.send("127.0.0.1:51821", our_frame());
    remote.send(v4.own, our_frame());
    REQUIRE(shared.hears(1));
    run_ready(shared.context);
    CHECK(shared.received.size() == 1);
  });
}

TEST_CASE("a source address that changes is used at once, with the right checksum") {
  in_own_network([] {
    sh("ip link add near type veth peer name far && ip link set near up && ip link set far up");
    sh("ip addr add 192.0.2.2/24 dev near && ip addr add 192.0.2.9/24 dev near");
    sh("ip addr add 198.51.100.1/32 dev lo");
    // The destination is our own address reached with a chosen source: no second machine needed.
    const udp_socket remote{"198.51.100.1:40000"};
    const auto prefer = [](const std::string& source) {
      sh("ip route replace local 198.51.100.1 dev lo table local src " + source);
    };
    listening_port shared;
    prefer("192.0.2.2");
    shared.send("198.51.100.1:40000", our_frame());
    CHECK(to_string(remote.receive().value().second) == "192.0.2.2:51820");
    prefer("192.0.2.9");
    shared.port->routes_changed();
    shared.send("198.51.100.1:40000", our_frame());
    CHECK(to_string(remote.receive().value().second) == "192.0.2.9:51820");
    // Nobody tells us that the address in use is gone.
    prefer("192.0.2.2");
    sh("ip addr del 192.0.2.9/24 dev near");
    shared.send("198.51.100.1:40000", our_frame());
    CHECK(to_string(remote.receive().value().second) == "192.0.2.2:51820");
    CHECK(shared.undelivered.empty());
  });
}

TEST_CASE("a datagram without a route is reported and the port goes on") {
  in_own_network([] {
    const udp_socket remote{v4.remote};
    listening_port shared;
    shared.send("203.0.113.1:1", our_frame());
    shared.send("[2001:db8::1]:1", our_frame());
    shared.send("0.0.0.0:1", our_frame());
    shared.send(v4.remote, bytes(frame_size_max + 1));
    REQUIRE(shared.undelivered.size() == 4);
    CHECK(shared.undelivered[0].second.code == errc::unreachable);
    CHECK(shared.undelivered[1].second.code == errc::unreachable);
    CHECK(shared.undelivered[2].second.code == errc::bad_frame);
    CHECK(shared.undelivered[3].second.code == errc::bad_frame);
    shared.send(v4.remote, our_frame());
    CHECK(remote.receive());
  });
}

TEST_CASE("what arrives through the tunnel itself is not delivered") {
  in_own_network([] {
    const udp_socket remote{v4.remote};
    listening_port through{{wg_port, 0, "lo"}};
    listening_port beside{{wg_port, 0, "lanrage0"}};
    remote.send(v4.own, our_frame());
    REQUIRE(beside.hears(1));
    REQUIRE(run_until(through.context, [] { return true; }));
    run_ready(through.context);
    CHECK(through.received.empty());
  });
}

TEST_CASE("a mark is on every datagram") {
  in_own_network([] {
    // Without the mark there is no route to this address.
    sh("ip rule add fwmark 51 lookup 51 && ip -6 rule add fwmark 51 lookup 51");
    sh("ip addr add 192.0.2.1/32 dev lo");
    sh("ip route add local 203.0.113.1 dev lo table 51 src 192.0.2.1");
    const udp_socket remote{"0.0.0.0:40000"};
    listening_port plain;
    plain.send("203.0.113.1:40000", our_frame());
    CHECK(plain.undelivered.size() == 1);
    listening_port marked{{wg_port, 51, ""}};
    marked.send("203.0.113.1:40000", our_frame());
    CHECK(marked.undelivered.empty());
  });
}

TEST_CASE("a closed port can be opened again and the old one stays silent") {
  in_own_network([] {
    const udp_socket remote{v4.remote};
    listening_port first;
    first.port.reset();
    run_ready(first.context);
    listening_port second;
    remote.send(v4.own, our_frame());
    REQUIRE(second.hears(1));
    run_ready(first.context);
    CHECK(first.received.empty());
  });
}

TEST_CASE("without the right to open raw sockets the port says so") {
  in_own_network([] {
    std::thread{[] {
      // Capabilities belong to the thread; dropping to nobody takes them all.
      if (::syscall(SYS_setresuid, 65534, 65534, 65534) != 0) return;
      boost::asio::io_context context;
      const auto opened = raw_port::open(context, {wg_port, 0, ""}, {});
      CHECK(opened.has_error());
      CHECK(opened.error().code == errc::not_permitted);
    }}.join();
  });
}
