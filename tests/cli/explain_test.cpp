#include "cli/commands.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace lanrage::cli;
using test::fake_daemon;
using test::listen_to;

namespace {

const std::string reply =
    R"({"ok":true,"peer":{"peer_id":"bob","party":"friends","virtual_ip":"10.66.0.2",)"
    R"("endpoint":"203.0.113.11:51820","latency_ms":61.5,"strategy":"relay","relay":"relay1",)"
    R"("status":"connected","phase":"connected","reason":"the tunnel answers",)"
    R"("connected_at":null},"decision":"the tunnel answers","paths":[)"
    R"({"strategy":"relay","relay":"relay1","endpoint":"203.0.113.11:51820","in_use":true,)"
    R"("answers":true,"rtt_ms":61.5,"answered_ms_ago":12,"checks":{"asked":0,"lost":0},)"
    R"("verdict":"in use","remedy":""},)"
    R"({"strategy":"direct","relay":null,"endpoint":"198.51.100.7:40112","in_use":false,)"
    R"("answers":false,"rtt_ms":null,"answered_ms_ago":null,"checks":{"asked":4,"lost":3},)"
    R"("verdict":"does not answer","remedy":"a firewall drops UDP"}],"candidates":[)"
    R"({"kind":"server_reflexive","address":"198.51.100.7:40112","in_use":false,)"
    R"("probes":{"sent":11,"answered":0},"heard":false,"rtt_ms":null,"verdict":"no answer",)"
    R"("remedy":""},)"
    R"({"kind":"host","address":"[2001:db8::7]:51820","in_use":false,)"
    R"("probes":{"sent":0,"answered":0},"heard":false,"rtt_ms":null,)"
    R"("verdict":"not tried: this machine has no IPv6 address","remedy":"get IPv6"}]})";

} // namespace

TEST_CASE("explain prints every path with its evidence, and what would help") {
  fake_daemon daemon{{reply + "\n"}};
  const auto said = listen_to([&] {
    CHECK(explain_peer({daemon.socket(), false}, "bob", std::nullopt) == exit_code::done);
  });
  CHECK(daemon.heard().at(0) == R"({"op":"explain","peer":"bob"})");
  for (const auto* part :
       {"bob is connected via", "the tunnel answers", "relay1", "61.5 ms", "not checked",
        "1 of 4 answered", "does not answer", "by the last attempt at a direct path",
        "server reflexive", "0 of 11 answered", "[2001:db8::7]:51820", "not probed",
        "this machine has no IPv6", "What would help:\n  a firewall drops UDP\n  get IPv6\n"})
    CHECK(said.out.find(part) != std::string::npos);
}

TEST_CASE("explain --json is what the daemon said, for a peer of one party") {
  fake_daemon daemon{{reply + "\n"}};
  const auto said = listen_to([&] {
    CHECK(explain_peer({daemon.socket(), true}, "bob", "friends") == exit_code::done);
  });
  CHECK(daemon.heard().at(0) == R"({"op":"explain","peer":"bob","party":"friends"})");
  const auto read = boost::json::parse(said.out).as_object();
  CHECK_FALSE(read.contains("ok"));
  CHECK(read.at("paths").as_array().size() == 2);
}

TEST_CASE("explaining somebody who is no peer ends with the code for that") {
  fake_daemon daemon{
      {R"({"ok":false,"error":{"code":"peer_not_found","message":"there is no peer 'eve'"}})"
       "\n"}};
  listen_to([&] {
    CHECK(explain_peer({daemon.socket(), false}, "eve", std::nullopt) == exit_code::not_found);
  });
}
