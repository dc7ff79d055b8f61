#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;

namespace {

msg::explanation explain(const driven_core& d) {
  return d.core.explain(d.clock().at);
}

const auto lan_at = at("192.168.1.7:51820");
const auto six_at = at("[2001:db8::7]:51820");

msg::tried_address silent(net::candidate_kind kind, const net::endpoint& where) {
  return {{kind, where}, 11, 0, false, {}};
}
msg::tried_address answering(const net::endpoint& where, std::chrono::nanoseconds rtt) {
  return {candidate_at(where), 2, 1, true, rtt};
}

} // namespace

TEST_CASE("the path in use comes first, and each other one says why it is not") {
  driven_core d;
  d.connect();
  const auto said = explain(d);
  CHECK(said.view.id.str() == "bob");
  CHECK_FALSE(said.decision.empty());
  REQUIRE(said.paths.size() >= 3);
  CHECK(said.paths[0].in_use);
  CHECK(said.paths[0].relay == "relay1");
  CHECK(said.paths[0].alive);
  CHECK(said.paths[0].verdict == "in use; no direct path is known");
  CHECK(said.paths[1].relay == "relay2");
  CHECK_FALSE(said.paths[1].in_use);
  CHECK(said.paths[1].asked == 0);
  const auto& none = said.paths.back();
  CHECK(none.how == msg::strategy::direct);
  CHECK_FALSE(none.where);
  CHECK_FALSE(none.verdict.empty());
  CHECK_FALSE(none.remedy.empty());
}

TEST_CASE("checks count as evidence, and a relay that does not answer says what to look at") {
  driven_core d;
  d.connect();
  d.give(msg::network_changed{}); // a reason to check all paths
  const auto asked = d.said<msg::check_path>();
  REQUIRE(asked);
  auto relay2 = explain(d).paths.at(1);
  CHECK(relay2.asked == 1);
  CHECK(relay2.lost == 1);
  CHECK_FALSE(relay2.alive);
  CHECK(relay2.verdict == "does not answer");
  CHECK(relay2.remedy == "look whether relay relay2 runs");
  d.now += 80ms;
  d.give(msg::path_event{bob_key, asked->number, msg::path_news::checked, relay2_at, 80ms});
  d.now += 1s;
  relay2 = explain(d).paths.at(1);
  CHECK(relay2.alive);
  CHECK(relay2.lost == 0);
  CHECK(relay2.rtt == 80ms);
  CHECK(relay2.age == 1s);
  CHECK(relay2.remedy.empty());
}

TEST_CASE("without a path there is nothing to explain but the reason") {
  driven_core d;
  const auto said = explain(d);
  CHECK(said.paths.empty());
}

TEST_CASE("each address that was tried says why it is not the path, and what would help") {
  driven_core d;
  d.connect();
  using enum net::candidate_kind;
  auto one_way = silent(peer_reflexive, bob_at);
  one_way.heard = true;
  const auto said = d.core
                        .explain(d.clock().at, msg::tried_addresses{silent(host, lan_at),
                                                                    silent(host, six_at), one_way})
                        .candidates;
  REQUIRE(said.size() == 3);
  CHECK(said[0].verdict == "no answer, as from a private address of another network");
  CHECK(said[0].remedy.empty());
  CHECK(said[1].verdict == "no answer");
  CHECK(said[1].remedy == "let UDP to [2001:db8::7]:51820 in at the peer's firewall");
  CHECK(said[2].verdict == "the peer's probes arrive from there, but it does not answer ours");
  CHECK_FALSE(said[2].remedy.empty());
  for (const auto& each : said)
    CHECK_FALSE(each.in_use);
}

TEST_CASE("an address the peer told and nobody tried says why") {
  driven_core d;
  d.connect();
  auto told = d.offer();
  told.candidates = {candidate_at(bob_at), {net::candidate_kind::host, six_at}};
  ++told.sequence;
  d.give(told);
  const auto verdicts = [&](const msg::tried_addresses& tried) {
    std::vector<std::string> out;
    for (const auto& each : d.core.explain(d.clock().at, tried).candidates)
      out.push_back(each.verdict);
    return out;
  };
  CHECK(verdicts({}) ==
        std::vector<std::string>{"not tried yet", "not tried: this machine has no IPv6 address"});
  CHECK(verdicts({silent(net::candidate_kind::host, lan_at)})[1] ==
        "not tried: told since, or not an address to try");
  CHECK(explain(d).candidates.empty()); // nat did not tell: nothing is made up
}

TEST_CASE("beside a direct path an address that answered says how it compares") {
  driven_core d;
  d.go_straight();
  const auto other = at("203.0.113.3:51820");
  const auto verdicts = [&](const msg::tried_addresses& tried) {
    const auto said = d.core.explain(d.clock().at, tried).candidates;
    REQUIRE(said.size() == 3);
    CHECK(said[0].in_use);
    CHECK(said[0].verdict == "in use");
    CHECK(said[2].remedy.empty()); // nothing to do: the path is direct
    return std::vector{said[1].verdict, said[2].verdict};
  };
  const auto none = silent(net::candidate_kind::host, six_at);
  CHECK(verdicts({answering(bob_at, 30ms), answering(other, 80ms), none}) ==
        std::vector<std::string>{"answered, slower than the path in use", "no answer"});
  CHECK(verdicts({answering(bob_at, 30ms), answering(other, 29ms), none})[0] ==
        "answered, not enough better than the path in use");
}

TEST_CASE("a relayed pair's address that answered once says whether it still does") {
  driven_core d;
  d.connect();
  const auto verdict = [&] {
    return d.core.explain(d.clock().at, msg::tried_addresses{answering(bob_at, 30ms)})
        .candidates.at(0)
        .verdict;
  };
  CHECK(verdict() == "answered; the session moves there soon");
  d.give(
      msg::path_event{bob_key, d.core.saved().epoch, msg::path_news::proven, bob_at, 30ms, true});
  const auto asked = d.said<msg::check_path>();
  REQUIRE(asked);
  REQUIRE(asked->where == bob_at);
  CHECK(verdict() == "answered then, but not when it was checked last");
}
