#include "actors/supervisor/saved_peers.hpp"
#include "tests/support/peers.hpp"
#include "tests/support/splitmix.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::test;

namespace {
msg::saved_peer full() {
  auto saved = saved_of(record_of("bob", 2));
  saved.record.version = 1'700'000'000'123;
  saved.record.nat = {true, net::nat_behavior::endpoint_independent,
                      net::nat_behavior::address_and_port_dependent};
  saved.record.candidates = {candidate_at(bob_at),
                             {net::candidate_kind::host, at("[2001:db8::1]:51820")}};
  saved.record.relays = both_legs();
  saved.configured = msg::wg_peer{saved.record.key, saved.record.address, relay1_at, true};
  saved.how = msg::strategy::relay;
  saved.knows_us = true;
  saved.relay = relay1();
  saved.connected_at = msg::unix_ms{1'700'000'000'456};
  saved.epoch = 4'000'000'000;
  saved.counters = {1, 2, 3, 4, 5, 6};
  saved.wanted = false;
  return saved;
}
} // namespace

TEST_CASE("saved peers come back as they went") {
  auto direct = saved_of(record_of("dave", 4));
  direct.how = msg::strategy::direct;
  direct.direct_at = bob_at;
  const std::vector<msg::saved_peer> peers{full(), saved_of(record_of("carol", 3)), direct};
  const auto read = decode_saved_peers(encode_saved_peers(peers));
  REQUIRE(read.has_value());
  CHECK(*read == peers);
  CHECK(decode_saved_peers(encode_saved_peers({}))->empty());
}

TEST_CASE("a document that cannot be trusted is refused with its place") {
  const auto good = actors::encode_saved_peers({full()});
  const auto broken = [&](const std::string& from, const std::string& to) {
    auto text = good;
    const auto where = text.find(from);
    REQUIRE(where != std::string::npos);
    text.replace(where, from.size(), to);
    const auto read = actors::decode_saved_peers(text);
    REQUIRE(read.has_error());
    CHECK(read.error().code == net::errc::bad_state);
    return read.error().detail;
  };
  CHECK(broken("\"version\":1,", "\"version\":2,") == "version must be 1");
  CHECK(broken("\"epoch\":4000000000", "\"epoch\":4300000000").find("epoch") != std::string::npos);
  CHECK(broken("\"wanted\":false", "\"wanted\":0").find("peer 0: wanted") == 0);
  CHECK(broken("\"strategy\":\"relay\"", "\"strategy\":\"pigeon\"").find("strategy") !=
        std::string::npos);
  CHECK(broken("10.66.1.12", "10.67.1.12").find("address") != std::string::npos);
  CHECK(broken("192.0.2.11:51820", "192.0.2.11:518200").find("peer 0") == 0);
  CHECK(broken("\"rtt_us\":", "\"rtt_xx\":").find("rtt_us is missing") != std::string::npos);
  for (const auto* text : {"", "null", "[]", "{", "{\"version\":1}", "{\"version\":1,\"peers\":{}}",
                           "{\"version\":1,\"peers\":[3]}", "\xff\xfe"})
    CHECK(actors::decode_saved_peers(text).has_error());
  CHECK(
      actors::decode_saved_peers(std::string(actors::saved_peers_max_octets + 1, ' ')).has_error());
}

TEST_CASE("no mutilation of a document crashes its reader") {
  const auto good = actors::encode_saved_peers({full()});
  splitmix random{20'260'102};
  for (int i = 0; i < 5'000; ++i) {
    auto text = good;
    for (auto n = random.below(4); n-- > 0;)
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    if (random.chance(0.3)) text.resize(random.below(text.size()));
    const auto read = actors::decode_saved_peers(text);
    if (!read) CHECK(read.error().code == net::errc::bad_state);
  }
}
