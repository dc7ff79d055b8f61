// The findings about WireGuard that the design rests on, with the real thing behind real NATs.

#include "lab/capture.hpp"
#include "lab/laboratory.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/real_wireguard.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace lanrage::lab;
using namespace std::chrono_literals;

TEST_CASE("one initiator and a silent responder: the handshake takes one round trip") {
  if (skipped(wireguard_unavailable_reason())) return;
  laboratory lab{two_members()};
  auto way = punch(lab);
  wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
  capture at_one{lab.at("p1").net_ns(), "eth0"}, at_two{lab.at("p2").net_ns(), "eth0"};
  // The responder: configured, no endpoint, no keepalive; it cannot initiate and stays silent.
  two.peer(one, {"allowed-ips", "10.66.0.1/32"});
  CHECK(two.show("endpoints") == "(none)");
  one.peer(two, {"allowed-ips", "10.66.0.2/32", "endpoint", way.p2, "persistent-keepalive", "25"});

  auto has = [](payload_class what, bool outgoing) {
    return [=](const flows& f) {
      for (const auto& [key, count] : f)
        if (key.what == what && key.outgoing == outgoing) return true;
      return false;
    };
  };
  REQUIRE(at_one.wait_until(process::clock::now() + 3s, has(payload_class::wg_response, false)));
  process::clock::time_point asked, answered;
  for (const auto& [key, count] : at_one.seen()) {
    if (key.what == payload_class::wg_initiation) asked = count.first;
    if (key.what == payload_class::wg_response) answered = count.first;
  }
  CHECK(answered - asked >= 30ms);
  CHECK(answered - asked < 60ms);
  REQUIRE(at_two.wait_until(process::clock::now() + 3s, has(payload_class::wg_data, false)));

  ping_stream pings{lab.at("p1").net_ns(), "10.66.0.2", 20ms};
  auto now = process::clock::now();
  auto first = pings.wait_answer(now, now + 3s);
  REQUIRE(first);
  CHECK(*first - now < 100ms);
  CHECK(lost_between(pings.finish(), ping_time::min(), ping_time::max()) == 0);
  // Exactly one initiation, from the initiator; the responder learned the real endpoint from it.
  auto is = [](payload_class what) { return [=](const flow& f) { return f.what == what; }; };
  CHECK(at_one.count(is(payload_class::wg_initiation)) == 1);
  CHECK(at_two.count([](const flow& f) {
    return f.what == payload_class::wg_initiation && f.outgoing;
  }) == 0);
  CHECK(two.show("endpoints") == way.p1);
  CHECK(one.show("endpoints") == way.p2);
}

TEST_CASE("without punching a port-restricted box lets no handshake through") {
  if (skipped(wireguard_unavailable_reason())) return;
  laboratory lab{two_members()};
  nat_probe_server server{lab.at("server")};
  std::string p2_public;
  {
    udp_socket b{lab.at("p2"), wg_port};
    auto mapping = ask_mapping(b, server, 500ms);
    REQUIRE(mapping);
    p2_public = mapping->text();
  }
  wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
  capture at_box{lab.at("nat-p2").net_ns(), wan_interface};
  capture at_two{lab.at("p2").net_ns(), "eth0"};
  two.peer(one, {"allowed-ips", "10.66.0.1/32"});
  one.peer(two,
           {"allowed-ips", "10.66.0.2/32", "endpoint", p2_public, "persistent-keepalive", "25"});
  REQUIRE(at_box.wait_until(process::clock::now() + 3s, [](const flows& f) { return !f.empty(); }));
  CHECK_FALSE(
      at_two.wait_until(process::clock::now() + 300ms, [](const flows& f) { return !f.empty(); }));
}

TEST_CASE("WireGuard's sockets of two members do not meet, and end with the laboratory") {
  if (skipped(wireguard_unavailable_reason())) return;
  pid_t pid = -1;
  {
    laboratory lab{two_members()};
    wireguard one{lab.at("p1"), "10.66.0.1"}, two{lab.at("p2"), "10.66.0.2"};
    pid = one.program().pid();
    CHECK(lab.at("p1").run({"wg", "show", "interfaces"}).out == "wg0\n");
    one.program().signal(SIGKILL);
    CHECK(one.program().wait_for(5s));
    CHECK(lab.at("p2").run({"wg", "show", "interfaces"}).out == "wg0\n");
  }
  CHECK(::kill(pid, 0) != 0);
}
