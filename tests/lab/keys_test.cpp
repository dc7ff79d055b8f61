// A member's key changes, or is lost with its disk: the whole program, with real packets.

#include "lab/failure.hpp"
#include "lab/party.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <iostream>
#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

party_options keys_options() {
  party_options o;
  o.binary = lanrage::places::program;
  o.members = demo_members();
  return o;
}

bool connected(const party& p, const std::string& a, const std::string& b) {
  const auto view = p.await(
      a, b, [](const peer_view& v) { return v.connected(); }, 20s);
  return view && view->connected();
}

std::string interface_key(party& p, const std::string& member) {
  return p.lab().at(member).run({"wg", "show", "lanrage0", "public-key"}).out;
}

} // namespace

TEST_CASE("a member that replaces its key is reached again by all, at the same address",
          "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  party p{keys_options()};
  p.form();
  for (const auto* peer : {"p1", "p3"})
    REQUIRE(connected(p, peer, "p2"));
  // While a daemon that has just started asks routers for ports, its actors cannot end: a key that
  // is replaced then waits for it, in which nobody is connected (decision 17).
  std::this_thread::sleep_for(8s);
  const auto address = p.virtual_ip("p2");
  const auto before = interface_key(p, "p2");
  ping_stream direct{p.lab().at("p1").net_ns(), address, 10ms};
  ping_stream relayed{p.lab().at("p3").net_ns(), address, 10ms};
  const auto begin = party::clock::now();
  REQUIRE(direct.wait_answer(begin, begin + 3s));
  REQUIRE(relayed.wait_answer(begin, begin + 3s));

  const auto asked = party::clock::now();
  const auto said = p.ask("p2", {"key", "rotate"});
  INFO(said.err);
  REQUIRE(said.ok());
  CHECK(said.out.starts_with("new key "));
  while (interface_key(p, "p2") == before && party::clock::now() < asked + 4s)
    std::this_thread::sleep_for(20ms);
  const auto anew = party::clock::now();
  CHECK(direct.wait_answer(anew, asked + 4s));
  CHECK(relayed.wait_answer(anew, asked + 4s));
  const auto one = outage_after(direct.finish(), asked);
  const auto other = outage_after(relayed.finish(), asked);
  INFO(p.log_end("p1", 60) << p.log_end("p2", 60) << p.log_end("p3", 60));
  REQUIRE(one);
  REQUIRE(other);
  std::cout << "outage of a replaced key: direct " << *one / 1ms << " ms, relayed " << *other / 1ms
            << " ms\n";
  CHECK(*one < 3s);
  CHECK(*other < 3s);
  CHECK(p.virtual_ip("p2") == address);
  const auto after = interface_key(p, "p2");
  CHECK(after != before);
  CHECK(said.out.find(after.substr(0, after.find('\n'))) != std::string::npos);
  const auto file = p.lab().at("p2").root() / "state" / "wireguard.key";
  CHECK(std::filesystem::status(file).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));

  // The next process goes on with it.
  p.kill("p2");
  p.start("p2");
  CHECK(connected(p, "p1", "p2"));
  CHECK(interface_key(p, "p2") == after);
}

TEST_CASE("a machine whose disk was lost has its name again when somebody forgets it",
          "[patient]") {
  if (skipped(party_unavailable_reason())) return;
  party p{keys_options()};
  p.form();
  REQUIRE(connected(p, "p1", "p2"));
  const auto address = p.virtual_ip("p2");
  const auto early = p.ask("p1", {"party", "forget", "p2"});
  CHECK(!early.ok());
  CHECK(early.err.find("connected to the control server") != std::string::npos);

  p.kill("p2");
  REQUIRE(p.lab().at("p2").run({"ip", "link", "del", "lanrage0"}).ok());
  std::filesystem::remove_all(p.lab().at("p2").root() / "state");
  p.start("p2");
  CHECK_THROWS_WITH(p.join("p2"), Catch::Contains("party forget"));
  const auto done = p.ask("p1", {"party", "forget", "p2"});
  INFO(done.err);
  REQUIRE(done.ok());
  CHECK(!p.status("p1", "p2"));
  p.join("p2");
  CHECK(connected(p, "p1", "p2"));
  CHECK(p.virtual_ip("p2") == address);
}
