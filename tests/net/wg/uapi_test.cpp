#include "net/wg/dump.hpp"
#include "net/wg/uapi.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace std::chrono_literals;

namespace {

// As wireguard-go answered it; the key was made for this test.
const std::string private_hex = "88b59c164cfc71d064c35e0cbd1bc2819d4fa210991d2dd738117d8f4646b67d";
const std::string first_hex = "82a4b318984d3654339654bdf7dd1fd07bb4fed8968d75359df7574001b9d466";
const std::string second_hex = "b5a1f3846872def3abd7f2b08ceb43819dbd16b354f036a0655cae99d0394713";
const std::string zeros(64, '0');
const std::string interface_lines =
    "private_key=" + private_hex + "\nlisten_port=51820\nfwmark=16\n";

std::string peer_lines(const std::string& key, const std::string& more = "") {
  return "public_key=" + key + "\npreshared_key=" + zeros + "\nprotocol_version=1\n" + more;
}

std::string failure_of(const std::string& text) {
  const auto seen = wg::parse_uapi(text);
  REQUIRE(seen.has_error());
  return seen.error().detail;
}

} // namespace

TEST_CASE("an answer of the configuration socket becomes the same observation as a dump") {
  const auto seen = wg::parse_uapi(
      interface_lines +
      peer_lines(second_hex, "endpoint=127.0.0.1:5\nlast_handshake_time_sec=1764000000\n"
                             "last_handshake_time_nsec=5\ntx_bytes=92\nrx_bytes=180\n"
                             "persistent_keepalive_interval=25\nallowed_ip=10.66.0.2/32\n"
                             "allowed_ip=10.66.0.3/32\nsomething_new=1\n") +
      peer_lines(first_hex, "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n") +
      "errno=0\n\n");
  REQUIRE(seen.has_value());
  CHECK(to_string(seen->own) == "3IDWxRtMuEtKp0t6p1NElcYji+hQt60RpZk7Yd79/Wk=");
  CHECK(seen->listen_port == 51820);
  CHECK(seen->fwmark == 16);
  REQUIRE(seen->peers.size() == 2);
  CHECK_FALSE(seen->peers[0].latest_handshake);
  CHECK_FALSE(seen->peers[0].where);
  const auto& talking = seen->peers[1];
  CHECK(to_string(talking.key) == "taHzhGhy3vOr1/KwjOtDgZ29FrNU8DagZVyumdA5RxM=");
  CHECK(to_string(*talking.where) == "127.0.0.1:5");
  CHECK(talking.latest_handshake == 1764000000s + 5ns);
  CHECK(talking.rx == 180);
  CHECK(talking.tx == 92);
  CHECK(talking.keepalive == 25s);
  CHECK(talking.allowed_ips == std::vector<std::string>{"10.66.0.2/32", "10.66.0.3/32"});
}

TEST_CASE("a new interface without key and peers is an observation") {
  const auto seen = wg::parse_uapi("listen_port=5\nerrno=0\n\n");
  REQUIRE(seen.has_value());
  CHECK(seen->own == wg_public_key{});
  CHECK(seen->peers.empty());
}

TEST_CASE("redacting leaves no key in an answer and everything else in place") {
  auto text = interface_lines + peer_lines(first_hex, "endpoint=1.2.3.4:5\n") + "preshared_key=abc";
  wg::redact(text);
  CHECK(text == "private_key=" + zeros + "\nlisten_port=51820\nfwmark=16\npublic_key=" + first_hex +
                    "\npreshared_key=" + zeros +
                    "\nprotocol_version=1\nendpoint=1.2.3.4:5\npreshared_key=000");
}

TEST_CASE("an answer that cannot be read is refused with the line's number and without any key") {
  struct row {
    std::string text;
    std::string expected;
  };
  const auto rows = std::vector<row>{
      {"listen_port=5\nerrno=0\n", "cut off"},
      {"listen_port=5\n\n", "no errno"},
      {"errno=1\n\n", "errno 1"},
      {"errno=x\n\n", "line 1: the errno"},
      {"listen_port\nerrno=0\n\n", "line 1: it has no '='"},
      {"private_key=" + private_hex.substr(1) + "\nerrno=0\n\n", "line 1: the private key"},
      {"listen_port=65536\nerrno=0\n\n", "line 1: the listen port"},
      {interface_lines + "public_key=zz\nerrno=0\n\n", "line 4: the public key"},
      {interface_lines + peer_lines(first_hex, "endpoint=nowhere\n") + "errno=0\n\n",
       "line 7: the endpoint"},
      {interface_lines + peer_lines(first_hex, "rx_bytes=-1\n") + "errno=0\n\n", "line 7"},
      {interface_lines + peer_lines(first_hex, "last_handshake_time_nsec=1000000000\n") +
           "errno=0\n\n",
       "line 7"},
      {interface_lines + peer_lines(first_hex, "allowed_ip=10.66.0.2\n") + "errno=0\n\n", "line 7"},
      {interface_lines + peer_lines(first_hex) + peer_lines(first_hex) + "errno=0\n\n", "twice"},
  };
  for (const auto& [text, expected] : rows) {
    const auto detail = failure_of(text);
    CHECK_THAT(detail, Catch::Contains(expected));
    CHECK_THAT(detail, !Catch::Contains(private_hex.substr(1, 8)));
  }
}

TEST_CASE("many endpoints go into one write that touches only peers that are there") {
  const auto key = *wg_public_key::parse("taHzhGhy3vOr1/KwjOtDgZ29FrNU8DagZVyumdA5RxM=");
  const auto other = *wg_public_key::parse("gqSzGJhNNlQzllS9990f0Hu0/tiWjXU1nfdXQAG51GY=");
  const std::vector<wg::change> changes{
      {wg::change_kind::endpoint, key, {}, endpoint::parse("203.0.113.4:51820"), {}},
      {wg::change_kind::endpoint, other, {}, endpoint::parse("[2001:db8::1]:7"), {}},
      {wg::change_kind::remove, other, {}, {}, {}},
  };
  CHECK(wg::uapi_set_endpoints(changes) == "set=1\npublic_key=" + second_hex +
                                               "\nupdate_only=true\nendpoint=203.0.113.4:51820\n"
                                               "public_key=" +
                                               first_hex +
                                               "\nupdate_only=true\nendpoint=[2001:db8::1]:7\n\n");
}

TEST_CASE("the answer to a change is nothing or WireGuard's errno") {
  CHECK_FALSE(wg::parse_uapi_set("errno=0\n\n"));
  CHECK_THAT(wg::parse_uapi_set("errno=-22\n\n")->detail, Catch::Contains("errno -22"));
  CHECK(wg::parse_uapi_set("errno=\n\n"));
  CHECK(wg::parse_uapi_set("errno=0\n"));
  CHECK(wg::parse_uapi_set(""));
}
