#include "actors/daemon/local_json.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace std::chrono_literals;

TEST_CASE("a time is printed as ISO 8601 in UTC") {
  CHECK(iso8601(msg::unix_ms{0}) == "1970-01-01T00:00:00Z");
  // date -u -d 2026-01-29T12:00:00Z +%s
  CHECK(iso8601(msg::unix_ms{1769688000'412}) == "2026-01-29T12:00:00Z");
  CHECK(iso8601(msg::unix_ms{1769688000'412}, true) == "2026-01-29T12:00:00.412Z");
  CHECK(iso8601(msg::unix_ms{951782399'000}) == "2000-02-28T23:59:59Z");
}

TEST_CASE("status shows exactly the documented fields of a connected peer") {
  msg::connection_view view;
  view.id = *net::peer_id::parse("peer456");
  view.address = *net::virtual_ip::parse("10.66.0.42");
  view.where = net::endpoint::parse("203.0.113.42:51820");
  view.how = msg::strategy::direct;
  view.latency = 25'500us;
  view.connected_at = msg::unix_ms{1769688000'000};
  view.at = msg::phase::connected;
  view.is = msg::status::connected;
  view.counters.checks = 12;
  view.counters.path_changes = 1;
  CHECK(boost::json::serialize(to_json(view)) ==
        R"({"peer_id":"peer456","virtual_ip":"10.66.0.42","endpoint":"203.0.113.42:51820",)"
        R"("strategy":"direct","latency_ms":2.55E1,"connected_at":"2026-01-29T12:00:00Z",)"
        R"("status":"connected","phase":"connected","relay":null,"transport":"udp","reason":"",)"
        R"("counters":{"checks":12,"lost":0,"reconnects":0,"relay_switches":0,"path_changes":1,)"
        R"("restarts":0}})");
}

TEST_CASE("what is not known of a peer yet is null, not zero") {
  msg::connection_view view;
  view.id = *net::peer_id::parse("bob");
  const auto shape = to_json(view);
  for (const auto* field :
       {"virtual_ip", "endpoint", "strategy", "latency_ms", "connected_at", "relay", "transport"})
    CHECK(shape.at(field).is_null());
  view.how = msg::strategy::relay;
  view.streamed = true;
  CHECK(to_json(view).at("transport").as_string() == "tls");
  view.latency = 0ns;
  CHECK(to_json(view).at("latency_ms").as_double() == 0.0);
}

TEST_CASE(
    "the lifetime of mappings is a bracket, open while nothing outlived it, null unmeasured") {
  msg::self_view self;
  self.nat.translated = true;
  const auto lifetime = [&] {
    return boost::json::serialize(to_json(self, {}, {}).at("nat").at("lifetime"));
  };
  CHECK(lifetime() == "null");
  self.nat_more.lifetime = msg::mapping_life{200s, {}};
  CHECK(lifetime() == R"({"at_least_s":200,"below_s":null})");
  self.nat_more.lifetime = msg::mapping_life{0s, 25s};
  CHECK(lifetime() == R"({"at_least_s":0,"below_s":25})");
}

TEST_CASE("an error carries code, text with the detail, and the remedy") {
  const auto shape = to_json(net::fail(net::errc::peer_not_found, "bob"));
  CHECK(shape.at("code").as_string() == "peer_not_found");
  CHECK(shape.at("text").as_string() == "no member of that name is in the party: bob");
  CHECK(shape.at("remedy").as_string() == "check the spelling with 'lanrage status'");
  CHECK(to_json(net::fail(net::errc::bad_login)).at("remedy").as_string().empty());
}

TEST_CASE("an explanation tells of each address what was sent there and what came back") {
  msg::explanation all;
  auto& one = all.candidates.emplace_back();
  one.tried = {
      {net::candidate_kind::host, *net::endpoint::parse("192.168.1.5:51820")}, 7, 2, true, 1'500us};
  one.verdict = "answered, slower than the path in use";
  CHECK(boost::json::serialize(to_json(all).at("candidates")) ==
        R"([{"kind":"host","address":"192.168.1.5:51820","in_use":false,)"
        R"("probes":{"sent":7,"answered":2},"heard":true,"rtt_ms":1.5E0,)"
        R"("verdict":"answered, slower than the path in use","remedy":""}])");
}
