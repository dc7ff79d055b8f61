// A party on one network in the laboratory: with its NAT in front, and with nothing at all.

#include "lab/failure.hpp"
#include "lab/party.hpp"
#include "net/os/files.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <sstream>
#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr const char* interface_name = "lanrage0";

party_options options(bool hairpin, nat_type type = nat_type::port_restricted) {
  party_options o;
  o.binary = lanrage::places::program;
  nat_settings nat;
  nat.type = type;
  nat.hairpin = hairpin;
  o.members = {{"p1", nat}, {"p2", nat}};
  o.members[1].with = "p1";
  o.relays = 1;
  return o;
}

bool on_host_path(const peer_view& v) {
  return v.connected() && v.direct() && v.endpoint.starts_with("10.");
}

void require_host_path(party& p, std::chrono::milliseconds limit) {
  for (const auto& [from, to] : {std::pair{"p1", "p2"}, std::pair{"p2", "p1"}}) {
    const auto view = p.await(from, to, on_host_path, limit);
    INFO(from << " to " << to << ": " << (view ? view->status + " " + view->endpoint : "nothing")
              << "\n"
              << p.log_end(from, 40));
    REQUIRE(view);
    REQUIRE(on_host_path(*view));
  }
}

/// What WireGuard itself says: the endpoint of its only peer.
std::string wireguard_endpoint(party& p, const std::string& member) {
  const auto shown = p.lab().at(member).run({"wg", "show", interface_name, "endpoints"});
  std::istringstream line{shown.out};
  std::string key, endpoint;
  line >> key >> endpoint;
  return endpoint;
}

/// Waits until a member has written down that it was connected, for its next start.
bool remembers(party& p, const std::string& member) {
  const auto file = p.lab().at(member).root() / "state" / "peers.json";
  for (const auto until = std::chrono::steady_clock::now() + 10s;
       std::chrono::steady_clock::now() < until; std::this_thread::sleep_for(50ms)) {
    const auto text = lanrage::net::os::read_file(file, 65'536);
    if (text && *text && (*text)->find("connected_at_unix_ms") != std::string::npos) return true;
  }
  return false;
}

/// As a switched off machine: neither a daemon nor a WireGuard is left.
void power_off(party& p, const std::string& member) {
  p.kill(member);
  (void)p.lab().at(member).run({"ip", "link", "del", interface_name});
}

/// Neither servers nor an uplink, for good.
void lose_the_internet(party& p) {
  p.lab().block("p1", true);
  p.kill("control");
  p.kill("relay1");
}

} // namespace

TEST_CASE("two members behind one NAT use the host path, whether it hairpins or not") {
  if (skipped(party_unavailable_reason())) return;
  for (const bool hairpin : {false, true}) {
    CAPTURE(hairpin);
    party p{options(hairpin)};
    p.form();
    require_host_path(p, 20s);
    CHECK(wireguard_endpoint(p, "p1") == p.lab().at("p2").address() + ":51820");
    CHECK(wireguard_endpoint(p, "p2") == p.lab().at("p1").address() + ":51820");
  }
}

TEST_CASE("a party forms on a switch without internet and servers within two seconds") {
  if (skipped(party_unavailable_reason())) return;
  party p{options(false)};
  p.form();
  require_host_path(p, 20s);
  const auto address = p.virtual_ip("p1");
  for (const auto* member : {"p1", "p2"})
    power_off(p, member);
  lose_the_internet(p);
  p.start("p1");
  const auto begin = std::chrono::steady_clock::now();
  p.start("p2");
  // Starting a process is this machine's business, and takes a while when it is busy.
  const auto answered = std::chrono::steady_clock::now();
  require_host_path(p, 2s);
  const auto end = std::chrono::steady_clock::now();
  const auto ms = [&](auto since) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(end - since).count();
  };
  WARN("both ends connected " << ms(begin) << " ms after the second daemon was started, "
                              << ms(answered) << " ms after it answered");
  INFO(p.log_end("p1", 20) << p.log_end("p2", 20));
  CHECK(end - answered < 2s);
  CHECK(wireguard_endpoint(p, "p1") == p.lab().at("p2").address() + ":51820");
  CHECK(wireguard_endpoint(p, "p2") == p.lab().at("p1").address() + ":51820");
  CHECK(p.virtual_ip("p1") == address); // the lease is remembered
  const auto ping = p.lab().at("p1").run({"ping", "-c", "3", "-i", "0.2", p.virtual_ip("p2")});
  INFO(ping.out);
  CHECK(ping.ok());
  const auto seen = p.ask("p1", {"netcheck"});
  CHECK(seen.out.find("p2 on eth0") != std::string::npos);
  const auto why = p.ask("p1", {"explain", "p2"});
  INFO(why.out);
  CHECK(why.out.find("announces itself on this network") != std::string::npos);
}

TEST_CASE("a member that comes back to such a switch is connected within two seconds",
          "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  party p{options(false)};
  p.form();
  require_host_path(p, 20s);
  REQUIRE(remembers(p, "p1"));
  REQUIRE(remembers(p, "p2"));
  lose_the_internet(p);
  power_off(p, "p2");
  // Until the other one has given up its repairs, which are five seconds apart.
  REQUIRE(p.await(
               "p1", "p2", [](const peer_view& v) { return v.status == "failed"; }, 30s)
              ->status == "failed");
  p.start("p2");
  const auto view = p.await("p2", "p1", on_host_path, 2s);
  INFO(p.log_end("p2", 40));
  INFO(p.log_end("p1", 40));
  REQUIRE(view);
  CHECK(on_host_path(*view));
}
