#include "cli/commands.hpp"
#include "cli/netcheck.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace lanrage::cli;
using test::fake_daemon;
using test::listen_to;

namespace {

const std::string host = R"({"kind":"host","address":"192.168.1.5:51820"})";
const std::string host6 = R"({"kind":"host","address":"[2001:db8::5]:51820"})";

/// `status --json` of a machine behind a NAT of this type; empty: nobody answered.
boost::json::object self(const std::string& type, const std::string& more = "",
                         const std::string& candidates = host) {
  const auto nat = type.empty() ? std::string{"null"} : R"({"type":")" + type + '"' + more + '}';
  return boost::json::parse(R"({"parties":["friends"],"control":"connected","candidates":[)" +
                            candidates + R"(],"nat":)" + nat + '}')
      .as_object();
}

} // namespace

TEST_CASE("the advice fits what is known") {
  const auto advice = [](const boost::json::object& of) { return netcheck_advice(of); };
  CHECK(advice(boost::json::object{}) ==
        "Join a party first (lanrage party join INVITE): its relays are what this measures with.");
  CHECK(advice(self("")) ==
        "No relay answers over UDP: let outgoing UDP through this network's firewall.");
  auto away = self("");
  away["control"] = "waiting";
  CHECK(advice(away) == "Neither the control server nor a relay answers: is this machine online? "
                        "Members on the same network are found all the same.");
  auto walled = self("");
  walled["relays"] = boost::json::parse(
      R"([{"name":"relay1","endpoint":"198.51.100.11:51820","transport":"tls","rtt_ms":30.4}])");
  CHECK(advice(walled).starts_with("UDP is blocked here, so everything goes through a relay over "
                                   "TLS (TCP): let outgoing UDP through"));
  for (const auto* type : {"open", "full cone"})
    CHECK(advice(self(type)) == "Direct connections with everybody are likely.");
  const std::string mapped = R"(,"port_mappings":[{"protocol":"PCP","outside":"1.2.3.4:5"}])";
  CHECK(advice(self("symmetric", mapped)) == "Direct connections with everybody are likely.");
  CHECK(advice(self("port-restricted")) == "Direct is likely with all but symmetric peers; for "
                                           "those, turn on UPnP or PCP on the router, or IPv6.");
  CHECK(advice(self("symmetric")) == "Direct with port-restricted and symmetric peers is unlikely: "
                                     "turn on UPnP or PCP on the router, or IPv6.");
  CHECK(
      advice(self("symmetric", "", host + ',' + host6)) ==
      "Direct with port-restricted and symmetric peers is unlikely: with IPv6 on both sides there "
      "are none of these.");
  CHECK(advice(self("symmetric", R"(,"port_delta":1)")) ==
        "Direct is likely with all but symmetric peers: this NAT's ports can be guessed.");
  CHECK(advice(self("symmetric", R"(,"port_delta":0)")) == advice(self("symmetric")));
  const auto forgets = R"(,"lifetime":{"at_least_s":0,"below_s":25})";
  CHECK(
      advice(self("port-restricted", forgets)) ==
      "This NAT forgets connections that are idle for 25 s, as WireGuard's may be, so direct ones "
      "may break: raise the router's timeout for UDP.");
  CHECK(advice(self("port-restricted", R"(,"lifetime":{"at_least_s":25,"below_s":50})")) ==
        advice(self("port-restricted")));
}

TEST_CASE("the lifetime of mappings is said as far as it is known") {
  const std::vector<std::pair<std::string, std::string>> table{
      {R"({"at_least_s":200,"below_s":null})", "live at least 200 s"},
      {R"({"at_least_s":50,"below_s":100})", "live between 50 and 100 s"},
      {R"({"at_least_s":0,"below_s":25})", "live less than 25 s"},
      {"null", "lifetime not measured yet"}};
  for (const auto& [known, said] : table) {
    fake_daemon daemon{
        {R"({"ok":true,"self":{"nat":{"type":"cone","lifetime":)" + known + "}}}\n"}};
    const auto heard = listen_to([&] {
      CHECK(netcheck({daemon.socket(), false}) == exit_code::done);
    });
    CHECK(heard.out.find("\n  mappings    " + said + "\n") != std::string::npos);
  }
}

TEST_CASE("IPv6 is there when a global address is") {
  CHECK_FALSE(has_ipv6(self("open")));
  CHECK(has_ipv6(self("open", "", host6)));
  CHECK_FALSE(has_ipv6(self("open", "", R"({"kind":"host","address":"[fd00::5]:51820"})")));
}

TEST_CASE("netcheck prints all of it, and as JSON what scripts need") {
  const std::string document =
      R"({"ok":true,"self":{"peer_id":"alice","listen_port":51820,"parties":["friends"],)"
      R"("control":"connected","nat":{"type":"port-restricted","mapping":"endpoint_independent",)"
      R"("filtering":"address_and_port_dependent","mapped":"198.51.100.7:40112",)"
      R"("ports_preserved":false,"port_delta":0,"hairpin":null,"port_mappings":[]},)"
      R"("candidates":[{"kind":"host","address":"192.168.1.5:51820"}],)"
      R"("relays":[{"name":"relay1","endpoint":"198.51.100.11:51820","rtt_ms":30.4}],)"
      R"("lan":{"interfaces":["eth0","wlan0"],"near":["bob"]}},"peers":[]})";
  SECTION("text") {
    fake_daemon daemon{{document + "\n"}};
    const auto said = listen_to([&] {
      CHECK(netcheck({daemon.socket(), false}) == exit_code::done);
    });
    CHECK(daemon.heard().at(0) == R"({"op":"status"})");
    CHECK(said.out ==
          "alice, UDP port 51820\n"
          "  NAT         port-restricted (mapping endpoint_independent, filtering "
          "address_and_port_dependent)\n"
          "  seen at     198.51.100.7:40112\n"
          "  keeps ports no\n"
          "  new ports   no pattern\n"
          "  hairpins    not measured\n"
          "  mappings    lifetime not measured yet\n"
          "  port mapping none\n"
          "  IPv6        no\n"
          "  network     bob on eth0, wlan0\n"
          "  candidate   192.168.1.5:51820  host\n"
          "  relay       relay1 198.51.100.11:51820  30.4 ms\n"
          "Direct is likely with all but symmetric peers; for those, turn on UPnP or PCP on the "
          "router, or IPv6.\n");
  }
  SECTION("json") {
    fake_daemon daemon{{document + "\n"}};
    const auto said = listen_to([&] {
      CHECK(netcheck({daemon.socket(), true}) == exit_code::done);
    });
    const auto read = boost::json::parse(said.out).as_object();
    for (const auto* field : {"nat", "candidates", "relays", "lan", "control", "ipv6", "advice"})
      CHECK(read.contains(field));
    CHECK(read.at("ipv6") == false);
  }
}

TEST_CASE("netcheck says what is found on the local network, and why nothing is") {
  const auto line = [](const std::string& lan) {
    fake_daemon daemon{{R"({"ok":true,"self":{"peer_id":"a","parties":["p"],"nat":null,"lan":)" +
                        lan + R"(},"peers":[]})" + "\n"}};
    const auto said = listen_to([&] {
      CHECK(netcheck({daemon.socket(), false}) == exit_code::done);
    });
    const auto at = said.out.find("  network");
    return said.out.substr(at, said.out.find('\n', at) - at);
  };
  CHECK(line("null") == "  network     members are not looked for here (lan.enabled)");
  CHECK(line(R"({"interfaces":[],"near":[]})") == "  network     no interface for multicast");
  CHECK(line(R"({"interfaces":["eth0"],"near":[]})") == "  network     no member found on eth0");
}
