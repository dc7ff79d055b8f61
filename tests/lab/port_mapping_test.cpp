// A router that maps ports (miniupnpd) in front of a member: a pair that would be relayed is
// direct.

#include "lab/failure.hpp"
#include "lab/party.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

constexpr auto limit = 30s;

std::optional<std::string> mapping_unavailable_reason() {
  if (auto reason = party_unavailable_reason()) return reason;
  if (!find_program("miniupnpd")) return "miniupnpd is not installed";
  return std::nullopt;
}

/// What a router speaks.
struct dialects {
  bool pcp = true, natpmp = true, upnp = true;
};

/// miniupnpd on a member's box.
process start_router(const host& box, const dialects& speaks) {
  const std::string rules = "table inet miniupnpd {\n"
                            "  chain forward {\n    type filter hook forward priority 10\n"
                            "    jump allowed\n  }\n  chain allowed { }\n"
                            "  chain before {\n    type nat hook prerouting priority -100\n"
                            "    jump mapped\n  }\n  chain mapped { }\n"
                            "  chain after {\n    type nat hook postrouting priority 90\n"
                            "    jump leaving\n  }\n  chain leaving { }\n}\n";
  process_spec nft;
  nft.argv = {"nft", "-f", "-"};
  nft.input = rules;
  must_run(nft, box.where());
  if (!speaks.pcp) {
    // It knows PCP wherever it knows NAT-PMP; version 2 in the first octet is PCP (RFC 6887, 9).
    nft.input = "table inet older {\n  chain in {\n    type filter hook input priority -10\n"
                "    udp dport 5351 @th,64,8 2 drop\n  }\n}\n";
    must_run(nft, box.where());
  }
  const auto yes = [](bool on) { return on ? "yes\n" : "no\n"; };
  const auto file = box.root() / "miniupnpd.conf";
  std::ofstream{file} << "ext_ifname=wan\nlistening_ip=lan\nenable_natpmp="
                      << yes(speaks.pcp || speaks.natpmp) << "enable_upnp=" << yes(speaks.upnp)
                      << "secure_mode=yes\nuuid=7c0e2e0c-5c3f-4c5c-9b57-0d5e0c8b6a11\n"
                         "upnp_table_name=miniupnpd\nupnp_nat_table_name=miniupnpd\n"
                         "upnp_forward_chain=allowed\nupnp_nat_chain=mapped\n"
                         "upnp_nat_postrouting_chain=leaving\n"
                         "allow 1024-65535 10.0.0.0/8 1024-65535\ndeny 0-65535 0.0.0.0/0 0-65535\n";
  process_spec spec;
  spec.argv = {"miniupnpd", "-d", "-f", file.string(), "-P", (box.root() / "pid").string()};
  spec.out = spec.err = to_file{box.root() / "miniupnpd.log"};
  return box.start(spec);
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("a mapped port makes a pair direct that would be relayed, and goes with the daemon",
          "[patient]") {
  if (skipped(mapping_unavailable_reason())) return;
  const auto [speaks, granted_by] =
      GENERATE(std::pair{dialects{}, "PCP"}, std::pair{dialects{false, true, false}, "NAT-PMP"},
               std::pair{dialects{false, false, true}, "UPnP"});
  INFO("a router that speaks " << granted_by);
  party_options o;
  o.binary = lanrage::places::program;
  o.public_network = "45.10.113"; // miniupnpd takes TEST-NET-3 for private
  o.members = {{"p1", {}}, {"p2", {}}};
  o.members[0].nat.type = nat_type::masquerade;
  o.members[1].nat.type = nat_type::symmetric;
  party p{o};
  const auto& box = p.lab().at("nat-p1");
  auto router = start_router(box, speaks);
  // Its daemon asked before there was a router.
  p.kill("p1");
  p.start("p1");
  p.form();
  const auto view = p.await(
      "p1", "p2", [](const peer_view& v) { return v.connected() && v.direct(); }, limit);
  INFO(p.log_end("p1", 40) << read(box.root() / "miniupnpd.log"));
  REQUIRE(view);
  CHECK(view->strategy == "direct");
  // The pair may be direct before a relay has tried the port from outside.
  auto check = p.ask("p1", {"netcheck", "--json"});
  const auto until = process::clock::now() + 15s;
  while (check.out.find(R"("port_mappings":[])") != std::string::npos &&
         process::clock::now() < until) {
    std::this_thread::sleep_for(200ms);
    check = p.ask("p1", {"netcheck", "--json"});
  }
  INFO(check.out);
  CHECK(check.out.find(R"("outside":"45.10.113.)") != std::string::npos);
  CHECK(check.out.find("\"protocol\":\"" + std::string{granted_by} + '"') != std::string::npos);
  CHECK(check.out.find("Direct connections with everybody are likely.") != std::string::npos);

  const auto mapped = [&] {
    return box.run({"nft", "list", "chain", "inet", "miniupnpd", "mapped"}).out.find("dnat") !=
           std::string::npos;
  };
  CHECK(mapped());
  p.program("p1").stop(10s);
  CHECK_FALSE(mapped());
  router.stop(3s);
}

TEST_CASE("what a router without mapping costs is nothing but its silence") {
  if (skipped(mapping_unavailable_reason())) return;
  party_options o;
  o.binary = lanrage::places::program;
  o.members = {{"p1", {}}, {"p2", {}}};
  party p{o};
  p.form();
  const auto view = p.await(
      "p1", "p2", [](const peer_view& v) { return v.connected() && v.direct(); }, limit);
  REQUIRE(view);
  CHECK(view->strategy == "direct");
  CHECK(p.ask("p1", {"netcheck", "--json"}).out.find(R"("port_mappings":[])") != std::string::npos);
}
