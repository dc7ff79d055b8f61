#include "lab/delay_switch.hpp"
#include "lab/laboratory.hpp"
#include "lab/nat_probe.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

topology two_servers(std::chrono::microseconds delay) {
  topology t;
  t.publics = {{"a"}, {"b"}, {"c"}};
  t.one_way_delay = delay;
  return t;
}

std::vector<ping_record> ping(const laboratory& lab, const char* from, const char* to,
                              std::chrono::milliseconds time, std::chrono::microseconds interval,
                              std::chrono::milliseconds patience = 500ms) {
  ping_stream pings{lab.at(from).net_ns(), lab.at(to).address(), interval};
  std::this_thread::sleep_for(time);
  return pings.finish(patience);
}

} // namespace

TEST_CASE("the round trip is twice the one-way delay to within 1 ms") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(15ms)};
  auto records = ping(lab, "a", "b", 1500ms, 10ms);
  auto p50 = median_rtt(records);
  REQUIRE(p50);
  CHECK(*p50 >= 30ms);
  CHECK(*p50 < 31ms);
  CHECK(lost_between(records, ping_time::min(), ping_time::max()) == 0);
}

TEST_CASE("delays of two ports add up and hold for new frames at once") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(0ms)};
  lab.set_link("a", {.delay = 3ms});
  lab.set_link("b", {.delay = 8ms});
  auto records = ping(lab, "a", "b", 500ms, 10ms);
  CHECK(*median_rtt(records) >= 22ms);
  CHECK(*median_rtt(records) < 23ms);
  lab.set_link("b", {.delay = 1ms});
  records = ping(lab, "a", "b", 500ms, 10ms);
  CHECK(*median_rtt(records) >= 8ms);
  CHECK(*median_rtt(records) < 9ms);
  records = ping(lab, "c", "b", 300ms, 10ms); // the third port has no part in it
  CHECK(*median_rtt(records) < 3ms);
}

TEST_CASE("the way between two ports can be worse than either port") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(1ms)};
  lab.set_between("b", "a", {.delay = 9ms});
  CHECK(*median_rtt(ping(lab, "a", "b", 500ms, 10ms)) >= 20ms); // 2 x (1 + 9), there and back
  CHECK(*median_rtt(ping(lab, "c", "b", 300ms, 10ms)) < 5ms);
  lab.set_between("a", "b", {.blocked = true});
  CHECK_FALSE(median_rtt(ping(lab, "a", "b", 200ms, 10ms, 100ms)));
  CHECK(median_rtt(ping(lab, "a", "c", 200ms, 10ms)));
}

TEST_CASE("loss drops the set share of frames") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(1ms)};
  ping(lab, "a", "b", 50ms, 10ms); // ARP done
  lab.set_link("b", {.delay = 500us, .loss = 0.1});
  auto records = ping(lab, "a", "b", 2000ms, 1ms, 300ms);
  auto share =
      double(lost_between(records, ping_time::min(), ping_time::max())) / double(records.size());
  // Lost there or back: 1 - 0.9^2 = 0.19 of 2000, standard deviation 0.009.
  CHECK(share > 0.14);
  CHECK(share < 0.24);
}

TEST_CASE("jitter spreads round trips around the delay") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(0ms)};
  lab.set_link("a", {.delay = 10ms, .jitter = 5ms});
  auto records = ping(lab, "a", "b", 1000ms, 2ms);
  CHECK(*median_rtt(records) > 18ms);
  CHECK(*median_rtt(records) < 22ms);
  std::size_t outside = 0;
  for (const auto& r : records)
    if (r.rtt && (*r.rtt < 17ms || *r.rtt > 23ms)) ++outside;
  CHECK(outside > records.size() / 20); // the sum of two uniform draws: 0.245 of them
}

TEST_CASE("the switch learns: a third machine sees nothing of others' unicast") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(0ms)};
  ping(lab, "a", "b", 100ms, 10ms);
  auto before = lab.wire().counters();
  udp_socket to{lab.at("b")}, from{lab.at("a")};
  for (int i = 0; i < 100; ++i)
    from.send(lab.at("b").address(), to.port(), "x");
  for (int i = 0; i < 100; ++i)
    REQUIRE(to.receive(process::clock::now() + 1s));
  std::this_thread::sleep_for(150ms); // counters are published every round, at least each 100 ms
  auto after = lab.wire().counters();
  CHECK(after.sent - before.sent >= 100);
  CHECK(after.sent - before.sent < 120); // flooding would make it 200
}

TEST_CASE("large TCP segments pass with offloading on") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{two_servers(1ms)};
  auto tcp = run_command({"ip", "-n", lab.at("a").network().name(), "-o", "link"});
  REQUIRE(tcp.ok());
  process_spec listen;
  listen.argv = {"python3", "-c",
                 "import socket;s=socket.create_server(('0.0.0.0',7));print('up',flush=True)\n"
                 "c,_=s.accept();n=0\n"
                 "while d:=c.recv(65536):n+=len(d)\nprint(n,flush=True)"};
  if (!find_program("python3")) {
    WARN("no python3: not checked");
    return;
  }
  auto server = lab.at("b").start(listen);
  REQUIRE(server.read_line(process::clock::now() + 5s) == "up");
  auto sent = lab.at("a").run({"python3", "-c",
                               "import socket,sys;s=socket.create_connection((sys.argv[1],7));"
                               "s.sendall(b'x'*4000000)",
                               lab.at("b").address()});
  INFO(sent.err);
  REQUIRE(sent.ok());
  CHECK(server.read_line(process::clock::now() + 10s) == "4000000");
}
