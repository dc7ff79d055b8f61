#include "net/wg/dump.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace lanrage::net;
using namespace std::chrono_literals;

namespace {

// Keys made for this test by `wg genkey`, used nowhere else.
const std::string private_text = "iLWcFkz8cdBkw14MvRvCgZ1PohCZHS3XOBF9j0ZGtn0=";
const std::string own_text = "3IDWxRtMuEtKp0t6p1NElcYji+hQt60RpZk7Yd79/Wk=";
const std::string first_text = "gqSzGJhNNlQzllS9990f0Hu0/tiWjXU1nfdXQAG51GY=";
const std::string second_text = "taHzhGhy3vOr1/KwjOtDgZ29FrNU8DagZVyumdA5RxM=";
const std::string interface_line = private_text + "\t" + own_text + "\t51820\t0x10\n";

std::string peer_line(const std::string& key, const std::string& rest) {
  return key + "\t(none)\t" + rest + "\n";
}

std::string failure_of(const std::string& text) {
  const auto seen = wg::parse_dump(text);
  REQUIRE(seen.has_error());
  CHECK(seen.error().code == errc::wg_refused);
  return seen.error().detail;
}

} // namespace

TEST_CASE("a dump becomes an observation ordered by key") {
  const auto seen = wg::parse_dump(
      interface_line +
      peer_line(second_text, "127.0.0.1:5\t10.66.0.2/32,10.66.0.3/32\t1764000000\t180\t92\t25") +
      peer_line(first_text, "(none)\t(none)\t0\t0\t0\toff"));
  REQUIRE(seen.has_value());
  CHECK(to_string(seen->own) == own_text);
  CHECK(seen->listen_port == 51820);
  CHECK(seen->fwmark == 16);
  REQUIRE(seen->peers.size() == 2);
  const auto& silent = seen->peers[0];
  CHECK(to_string(silent.key) == first_text);
  CHECK_FALSE(silent.where);
  CHECK(silent.allowed_ips.empty());
  CHECK_FALSE(silent.latest_handshake);
  CHECK(silent.keepalive == 0s);
  const auto& talking = seen->peers[1];
  CHECK(to_string(*talking.where) == "127.0.0.1:5");
  CHECK(talking.allowed_ips == std::vector<std::string>{"10.66.0.2/32", "10.66.0.3/32"});
  CHECK(talking.latest_handshake == 1764000000s);
  CHECK(talking.rx == 180);
  CHECK(talking.tx == 92);
  CHECK(talking.keepalive == 25s);
  CHECK(wg::find_peer(*seen, talking.key) == &talking);
  CHECK(wg::find_peer(*seen, seen->own) == nullptr);
}

TEST_CASE("an interface without a key is observed with a key of zeros") {
  const auto seen = wg::parse_dump("(none)\t(none)\t57821\toff\n");
  REQUIRE(seen.has_value());
  CHECK(seen->own == wg_public_key{});
  CHECK(seen->fwmark == 0);
}

TEST_CASE("the scope of a link-local endpoint does not spoil the dump") {
  CHECK(wg::parse_endpoint("[fe80::1%eth0]:51820") == endpoint::parse("[fe80::1]:51820"));
  CHECK(wg::parse_endpoint("[fe80::1]:51820") == endpoint::parse("[fe80::1]:51820"));
  CHECK_FALSE(wg::parse_endpoint("[fe80::1%eth0"));
  CHECK_FALSE(wg::parse_endpoint("10.0.0.1%eth0]:5"));
}

TEST_CASE("a dump that is not one is refused with the line's number and without any key") {
  struct row {
    std::string text;
    std::string expected;
  };
  const std::string good = "127.0.0.1:5\t10.66.0.2/32\t0\t0\t0\toff";
  const auto rows = std::vector<row>{
      {"", "no output"},
      {"(none)\t(none)\t1\toff", "cut off"},
      {"(none)\t(none)\t1\n", "line 1: 3 fields where 4 belong"},
      {"(none)\t(none)\t65536\toff\n", "line 1: the listen port"},
      {"(none)\t(none)\t1\t16\n", "line 1: the fwmark"},
      {private_text + "\tshort\t1\toff\n", "line 1: the public key"},
      {"(none)\t" + own_text + "\t1\toff\n", "line 1: a public key without"},
      {interface_line + peer_line("nonsense", good), "line 2: the peer's public key"},
      {interface_line + peer_line(first_text, "127.0.0.1\t(none)\t0\t0\t0\toff"),
       "line 2: the endpoint"},
      {interface_line + peer_line(first_text, "(none)\t10.66.0.2\t0\t0\t0\toff"),
       "line 2: an allowed IP"},
      {interface_line + peer_line(first_text, "(none)\t\t0\t0\t0\toff"),
       "line 2: the allowed IPs are empty"},
      {interface_line + peer_line(first_text, "(none)\t(none)\t-1\t0\t0\toff"),
       "line 2: the latest handshake"},
      {interface_line + peer_line(first_text, "(none)\t(none)\t0\t1x\t0\toff"),
       "line 2: a counter"},
      {interface_line + peer_line(first_text, "(none)\t(none)\t0\t0\t0\t65536"),
       "line 2: the keepalive"},
      {interface_line + peer_line(first_text, good) + "\n", "line 3: 1 fields where 8 belong"},
      {interface_line + peer_line(first_text, good) + peer_line(first_text, good), "occurs twice"},
  };
  for (const auto& [text, expected] : rows) {
    const auto detail = failure_of(text);
    CHECK_THAT(detail, Catch::Contains(expected));
    CHECK_THAT(detail, !Catch::Contains(private_text.substr(0, 8)));
    CHECK_THAT(detail, !Catch::Contains(first_text.substr(0, 8)));
  }
}
