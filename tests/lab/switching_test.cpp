// Changing the path of a live WireGuard session: why one write is no switch, and what is.

#include "lab/capture.hpp"
#include "lab/laboratory.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/real_wireguard.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

/// Two UDP ports of the server; what comes to one leaves the other, to whoever spoke there last.
/// All that a relay is to WireGuard.
class plain_relay {
 public:
  explicit plain_relay(const host& at) : one_(at), two_(at) {
    thread_ = std::thread{[this] {
      std::optional<udp_socket::datagram> at_one, at_two;
      while (!stopping_) {
        const auto soon = process::clock::now() + 1ms;
        if (auto got = one_.receive(soon)) {
          if (at_two) two_.send(at_two->address, at_two->port, got->payload);
          at_one = std::move(got);
        }
        if (auto got = two_.receive(process::clock::now() + 1ms)) {
          if (at_one) one_.send(at_one->address, at_one->port, got->payload);
          at_two = std::move(got);
        }
      }
    }};
  }
  ~plain_relay() {
    stopping_ = true;
    thread_.join();
  }
  std::uint16_t port_one() const { return one_.port(); }
  std::uint16_t port_two() const { return two_.port(); }

 private:
  udp_socket one_, two_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace

TEST_CASE("one write of an endpoint is no switch, writing on both sides until it stays is one") {
  if (skipped(wireguard_unavailable_reason())) return;
  laboratory lab{two_members()};
  const auto server = lab.at("server").address();
  plain_relay relay{lab.at("server")};
  // The direct way is open, and so is the way to the relay, from the ports that WireGuard takes.
  const auto way = punch(lab, [&](udp_socket& a, udp_socket& b) {
    a.send(server, relay.port_one(), "here");
    b.send(server, relay.port_two(), "here");
  });
  const auto by_relay = server + ":" + std::to_string(relay.port_one());
  wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
  two.peer(one, {"allowed-ips", "10.66.0.1/32"});
  one.peer(two,
           {"allowed-ips", "10.66.0.2/32", "endpoint", by_relay, "persistent-keepalive", "25"});
  ping_stream there{lab.at("p1").net_ns(), "10.66.0.2", 10ms};
  ping_stream back{lab.at("p2").net_ns(), "10.66.0.1", 10ms};
  auto now = process::clock::now();
  REQUIRE(there.wait_answer(now, now + 3s));
  REQUIRE(back.wait_answer(now, now + 3s));
  CHECK(one.show("endpoints") == by_relay);

  capture at_one{lab.at("p1").net_ns(), "eth0"};
  const auto to_relay = [&](const flow& f) {
    return f.outgoing && f.destination == by_relay && f.what == payload_class::wg_data;
  };
  one.peer(two, {"endpoint", way.p2});
  std::this_thread::sleep_for(30ms); // what the write itself may overlap with
  at_one.clear();
  // Packets that the other side sent by the relay take WireGuard back there.
  CHECK(at_one.wait_until(process::clock::now() + 2s, [&](const flows& all) {
    return std::any_of(all.begin(), all.end(), [&](const auto& f) { return to_relay(f.first); });
  }));

  // A burst longer than two round trips by the relay suffices unless a machine under load holds a
  // packet back for longer; then it is repeated, as whoever switches would do.
  bool stays = false;
  for (int burst = 0; burst < 10 && !stays; ++burst) {
    const auto until = process::clock::now() + 300ms;
    while (process::clock::now() < until) {
      one.peer(two, {"endpoint", way.p2});
      two.peer(one, {"endpoint", way.p1});
    }
    std::this_thread::sleep_for(100ms);
    at_one.clear();
    std::this_thread::sleep_for(1s);
    stays = at_one.count(to_relay) == 0 && one.show("endpoints") == way.p2 &&
            two.show("endpoints") == way.p1;
  }
  CHECK(stays);
  CHECK(one.show("endpoints") == way.p2);
  CHECK(two.show("endpoints") == way.p1);
  now = process::clock::now();
  CHECK(there.wait_answer(now, now + 1s));
  CHECK(back.wait_answer(now, now + 1s));
}
