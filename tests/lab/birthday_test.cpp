// The pair that only birthday probing makes direct, with real packets: a symmetric NAT and a
// port-restricted one.

#include "lab/party.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr auto limit = 60s;

/// p1 port-restricted, p2 symmetric.
party_options hard_pair(bool on) {
  party_options o;
  o.binary = lanrage::places::program;
  o.members = {{"p1", {}}, {"p2", {}}};
  o.members[0].nat.type = nat_type::port_restricted;
  o.members[1].nat.type = nat_type::symmetric;
  o.birthday_probing = on;
  return o;
}

std::string rules(party& p, const std::string& member) {
  // With handles: the same rules made anew have others.
  return p.lab().at(member).run({"nft", "-a", "list", "table", "ip", "lanrage_51820"}).out;
}

/// What WireGuard itself says of its one peer.
std::string endpoint_of_peer(party& p, const std::string& member) {
  auto out = p.lab().at(member).run({"wg", "show", "lanrage0", "endpoints"}).out;
  out.erase(std::remove(out.begin(), out.end(), '\n'), out.end());
  return out.substr(out.find('\t') + 1);
}

bool pings(party& p, const std::string& member, const std::string& address) {
  return p.lab().at(member).run({"ping", "-c", "5", "-i", "0.2", "-W", "1", address}).ok();
}

bool becomes_direct(party& p) {
  const auto direct = [](const peer_view& v) { return v.connected() && v.direct(); };
  const auto one = p.await("p1", "p2", direct, limit);
  const auto two = p.await("p2", "p1", direct, limit);
  return one && direct(*one) && two && direct(*two);
}

} // namespace

TEST_CASE("birthday probing makes a symmetric and a port-restricted member direct", "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  party p{hard_pair(true)};
  // A host's own firewall, which lets in what belongs to something sent.
  REQUIRE(p.lab()
              .at("p2")
              .run({"nft",
                    "add table ip own; add chain ip own in { type filter hook input priority 0; };"
                    "add rule ip own in iifname eth0 ct state established,related accept;"
                    "add rule ip own in iifname eth0 drop;"})
              .ok());
  p.form();
  const bool direct = becomes_direct(p);
  INFO(p.log_end("p1", 40) << p.log_end("p2", 40) << p.ask("p1", {"explain", "p2"}).out);
  REQUIRE(direct);
  const auto& box1 = p.lab().public_address("p1");
  const auto& box2 = p.lab().public_address("p2");
  CHECK(endpoint_of_peer(p, "p1").starts_with(box2 + ":"));
  CHECK(endpoint_of_peer(p, "p2").starts_with(box1 + ":"));
  CHECK(pings(p, "p1", p.virtual_ip("p2")));
  CHECK(pings(p, "p2", p.virtual_ip("p1")));
  for (const auto* member : {"p1", "p2"}) {
    const auto said = p.ask(member, {"explain", member == std::string{"p1"} ? "p2" : "p1"}).out;
    INFO(said);
    CHECK(said.find("found by birthday probing after") != std::string::npos);
  }
  std::cout << p.ask("p1", {"explain", "p2"}).out << "\n";
  CHECK(rules(p, "p1").empty());
  CHECK(rules(p, "p2").find("udp sport set 61") != std::string::npos);
  // The mapping is kept alive by WireGuard's packets alone, longer than a box keeps a silent one.
  std::this_thread::sleep_for(40s);
  CHECK(pings(p, "p1", p.virtual_ip("p2")));
  CHECK(becomes_direct(p));

  p.program("p2").stop(10s);
  CHECK(rules(p, "p2").empty());
}

TEST_CASE("what a killed daemon rewrote is swept by the next one, which finds a path itself",
          "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  party p{hard_pair(true)};
  p.form();
  REQUIRE(becomes_direct(p));
  const auto address = p.virtual_ip("p2");
  p.kill("p2");
  const auto before = rules(p, "p2");
  CHECK_FALSE(before.empty());
  CHECK(pings(p, "p1", address)); // packets go on without a daemon
  p.start("p2");
  const auto until = process::clock::now() + 90s;
  const auto again = [&] {
    const auto now = rules(p, "p2");
    return !now.empty() && now != before;
  };
  while (!again() && process::clock::now() < until)
    std::this_thread::sleep_for(500ms);
  INFO(p.log_end("p1", 40) << p.log_end("p2", 40) << p.ask("p1", {"explain", "p2"}).out);
  CHECK(again());
  CHECK(becomes_direct(p));
  CHECK(pings(p, "p1", p.virtual_ip("p2")));
}

TEST_CASE("with birthday probing off such a pair is relayed, and `explain` says what would help",
          "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  party p{hard_pair(false)};
  p.form();
  const auto relayed = p.await(
      "p1", "p2", [](const peer_view& v) { return v.connected() && !v.direct(); }, limit);
  REQUIRE(relayed);
  std::this_thread::sleep_for(20s); // a second punch
  CHECK_FALSE(p.status("p1", "p2")->direct());
  const auto said = p.ask("p1", {"explain", "p2"}).out;
  INFO(said);
  CHECK(said.find("birthday probing might, but is off here") != std::string::npos);
  CHECK(said.find("daemon.birthday_probing") != std::string::npos);
  CHECK(rules(p, "p2").empty());
  CHECK(pings(p, "p1", p.virtual_ip("p2")));
}
