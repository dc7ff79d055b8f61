#include "lab/delay_switch.hpp"
#include "lab/laboratory.hpp"
#include "lab/nat_probe.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <thread>

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

/// The ends of a TCP connection; neither waits for more than 10 s.
struct tcp_ends {
  unique_fd from, to;
};

unique_fd impatient(int fd) {
  const timeval limit{10, 0};
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
  return unique_fd{fd};
}

unique_fd tcp_socket(const host& at) {
  int fd = -1;
  in_netns(at.net_ns(), [&] { fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); });
  return impatient(fd);
}

tcp_ends connect(const host& from, const host& to) {
  const auto door = tcp_socket(to);
  tcp_ends ends{tcp_socket(from), {}};
  sockaddr_in at{};
  at.sin_family = AF_INET;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  socklen_t size = sizeof at;
  REQUIRE(::bind(door.get(), address, size) == 0);
  REQUIRE(::listen(door.get(), 1) == 0);
  REQUIRE(::getsockname(door.get(), address, &size) == 0);
  REQUIRE(::inet_pton(AF_INET, to.address().c_str(), &at.sin_addr) == 1);
  REQUIRE(::connect(ends.from.get(), address, size) == 0);
  ends.to = impatient(::accept4(door.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return ends;
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
  constexpr std::size_t octets = 4'000'000;
  laboratory lab{two_servers(1ms)};
  const auto before = lab.wire().counters();
  const auto tcp = connect(lab.at("a"), lab.at("b"));
  std::thread sender{[&] {
    const std::string data(octets, 'x');
    std::size_t sent = 0;
    while (sent < octets) {
      const auto n = ::send(tcp.from.get(), data.data() + sent, octets - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += std::size_t(n);
    }
    ::shutdown(tcp.from.get(), SHUT_WR);
  }};
  std::size_t received = 0;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = ::recv(tcp.to.get(), buffer.data(), buffer.size(), 0)) > 0;)
    received += std::size_t(n);
  sender.join();
  CHECK(received == octets);
  std::this_thread::sleep_for(150ms); // counters are published every round, at least each 100 ms
  const auto after = lab.wire().counters();
  CHECK(after.sent - before.sent < octets / 1500); // one by one there would be more, without ACKs
}
