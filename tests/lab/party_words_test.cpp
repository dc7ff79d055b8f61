#include "config/settings.hpp"
#include "lab/party_words.hpp"
#include "net/keys.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::lab;
using namespace std::chrono_literals;

TEST_CASE("a peer is read as docs/local-api.md shows it, null as unknown") {
  auto p = words::read_peer(
      R"({"peer_id":"peer456","virtual_ip":"10.66.0.42","endpoint":"203.0.113.42:51820",
          "strategy":"direct","latency_ms":25.5,"connected_at":"2026-01-29T12:00:00Z",
          "status":"connected","phase":"connected","relay":null,"reason":"",
          "counters":{"checks":12,"lost":0,"reconnects":0,"relay_switches":0,"path_changes":1}})");
  REQUIRE(p);
  CHECK(p->peer_id == "peer456");
  CHECK(p->endpoint == "203.0.113.42:51820");
  CHECK(p->direct());
  CHECK(p->connected());
  CHECK(p->relay.empty());
  CHECK(p->latency_ms == 25.5);
  p = words::read_peer(
      R"({"peer_id":"x","strategy":null,"latency_ms":null,"status":"connecting"})");
  REQUIRE(p);
  CHECK_FALSE(p->connected());
  CHECK_FALSE(p->latency_ms);
}

TEST_CASE("a status has the own address and all peers") {
  auto s = words::read_status(
      R"({"self":{"virtual_ip":"10.66.1.2"},"peers":[{"peer_id":"a"},{"peer_id":"b"}]})");
  REQUIRE(s);
  CHECK(s->virtual_ip == "10.66.1.2");
  REQUIRE(s->peers.size() == 2);
  CHECK(s->peers[1].peer_id == "b");
}

TEST_CASE("what is not an answer is no answer") {
  CHECK_FALSE(words::read_peer("not json"));
  CHECK_FALSE(words::read_peer("[]"));
  CHECK_FALSE(words::read_peer("{}"));
  CHECK_FALSE(words::read_status(R"({"self":{}})"));
  CHECK_FALSE(words::read_invite(R"({"invite":null})"));
  CHECK_FALSE(words::read_control_ready(R"({"server_line":"lanrage://x"})"));
}

TEST_CASE("a relay identity is a key file and the public half of that key") {
  auto one = words::make_relay_identity(), two = words::make_relay_identity();
  CHECK(one.file_text != two.file_text);
  CHECK(lanrage::net::relay_public_key::parse(one.public_key));
  CHECK(one.file_text.find(one.public_key) == std::string::npos);
}
