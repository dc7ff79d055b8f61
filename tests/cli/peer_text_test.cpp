#include "cli/peer_text.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace lanrage::cli;
using namespace std::chrono_literals;

namespace {

boost::json::object object(const char* text) {
  return boost::json::parse(text).get_object();
}

// The example of docs/interfaces.md.
constexpr auto example = R"({"peer_id":"peer456","virtual_ip":"10.66.0.42",
  "endpoint":"203.0.113.42:51820","strategy":"direct","latency_ms":25.5,
  "connected_at":"2026-01-29T12:00:00Z","status":"connected","phase":"connected","relay":null,
  "reason":"","counters":{"checks":12,"lost":0}})";

} // namespace

TEST_CASE("a connected peer is shown by what matters") {
  const auto at = *parse_time("2026-01-29T12:02:05Z");
  const auto text = describe_peer(object(example), at);
  CHECK(text.id == "peer456");
  CHECK(text.address == "10.66.0.42");
  CHECK(text.status == "connected");
  CHECK(text.path == "direct 203.0.113.42:51820");
  CHECK(text.latency == "25.5 ms");
  CHECK(text.since == "2 min 5 s");
  CHECK(text.how == style::good);
}

TEST_CASE("what is not known yet is a dash, and the phase is told where it says more") {
  const auto text =
      describe_peer(object(R"({"peer_id":"bob","virtual_ip":null,"endpoint":null,"strategy":null,
                 "latency_ms":null,"connected_at":null,"status":"connecting",
                 "phase":"discovering","relay":null,"reason":"","counters":{}})"),
                    {});
  CHECK(text.address == "-");
  CHECK(text.path == "-");
  CHECK(text.latency == "-");
  CHECK(text.since == "-");
  CHECK(text.status == "connecting (discovering)");
}

TEST_CASE("a peer behind a relay that TLS reaches says so") {
  const auto text = describe_peer(object(R"({"strategy":"relay","relay":"relay1",
                                             "transport":"tls","endpoint":"127.0.0.1:40001"})"),
                                  {});
  CHECK(text.path == "relay1 over TLS (TCP) 127.0.0.1:40001");
}

TEST_CASE("a relayed peer is shown with its relay's name") {
  const auto text = describe_peer(
      object(R"({"strategy":"relay","relay":"relay1","endpoint":"198.51.100.11:51820"})"), {});
  CHECK(text.path == "relay1 198.51.100.11:51820");
}

TEST_CASE("a latency of zero is a latency") {
  CHECK(milliseconds_field(object(R"({"latency_ms":0})"), "latency_ms") == "0.0 ms");
  CHECK(milliseconds_field(object(R"({"latency_ms":null})"), "latency_ms") == "-");
  CHECK(milliseconds_field(object("{}"), "latency_ms") == "-");
}

TEST_CASE("fields of a wrong type are shown as unknown, not as a crash") {
  const auto text = describe_peer(
      object(R"({"peer_id":1,"virtual_ip":[],"endpoint":{},"strategy":2,"latency_ms":"x",
                 "connected_at":"soon","status":null})"),
      {});
  CHECK(text.id == "-");
  CHECK(text.latency == "-");
  CHECK(text.since == "-");
  CHECK(count_field(object(R"({"n":-1})"), "n") == 0);
}

TEST_CASE("an age has two units at most") {
  CHECK(show_age(0s) == "0 s");
  CHECK(show_age(-5s) == "0 s");
  CHECK(show_age(59s) == "59 s");
  CHECK(show_age(60s) == "1 min");
  CHECK(show_age(3661s) == "1 h 1 min");
  CHECK(show_age(86400s + 59s) == "1 d");
  CHECK(show_age(86400s * 3 + 7200s + 60s) == "3 d 2 h");
}

TEST_CASE("times are read with and without fractions, nothing else is") {
  CHECK(parse_time("1970-01-01T00:00:10Z") == std::chrono::system_clock::time_point{10s});
  CHECK(parse_time("1970-01-01T00:00:10.250Z") == std::chrono::system_clock::time_point{10s});
  CHECK_FALSE(parse_time(""));
  CHECK_FALSE(parse_time("1970-01-01T00:00:10+01:00"));
  CHECK_FALSE(parse_time("1970-01-01 00:00:10Zxxxx"));
}
