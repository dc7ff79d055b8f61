#include "net/control/base64url.hpp"
#include "net/control/invite.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;

namespace {

server_line example(std::string host = "vpn.example.org") {
  server_line out;
  out.host = std::move(host);
  out.port = 8443;
  test::seeded(1)(out.pin.octets);
  test::seeded(2)(out.key.octets);
  return out;
}

std::string why_not(std::string_view text) {
  const auto parsed = parse_invite(text);
  REQUIRE(!parsed);
  CHECK(parsed.error().code == errc::bad_invite);
  return parsed.error().detail;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

} // namespace

TEST_CASE("a server line reads back as it was written, whatever the host") {
  for (const auto* host : {"vpn.example.org", "203.0.113.7", "2001:db8::7", "::1"}) {
    const auto line = example(host);
    const auto text = to_string(line);
    const auto parsed = parse_server_line(text);
    INFO(text);
    REQUIRE(parsed);
    CHECK(*parsed == line);
  }
  CHECK(to_string(example("::1")).find("lanrage://[::1]:8443/?pin=") == 0);
}

TEST_CASE("an invite reads back with party and secret, spaces around it ignored") {
  const test::test_party party{"lan night 2"};
  const auto text = reveal(invite{example(), party.name, party.secret});
  CHECK(text.find("party=lan%20night%202") != std::string::npos);
  const auto parsed = parse_invite("  " + text + "\n");
  REQUIRE(parsed);
  CHECK(parsed->server == example());
  CHECK(parsed->party == party.name);
  CHECK(id_of(parsed->secret) == party.id);
}

TEST_CASE("a bad invite is refused and the reason names what is wrong") {
  const test::test_party party{"p"};
  const auto good = reveal(invite{example(), party.name, party.secret});
  REQUIRE(parse_invite(good));
  CHECK(why_not("") == "it is empty");
  CHECK(why_not(replaced(good, "lanrage:", "https:")).find("lanrage://") != std::string::npos);
  CHECK(why_not(replaced(good, ":8443", "")).find("port") != std::string::npos);
  CHECK(why_not(replaced(good, ":8443", ":0")).find("port") != std::string::npos);
  CHECK(why_not(replaced(good, ":8443", ":70000")).find("port") != std::string::npos);
  CHECK(why_not(replaced(good, "vpn.example.org", "")).find("host") != std::string::npos);
  for (const std::string host :
       {"vpn%20example", "vpn%0aexample", "vpn&key=example", "v%2fx", "a!b"})
    CHECK(why_not(replaced(good, "vpn.example.org", host)).find("no host name") !=
          std::string::npos);
  CHECK(why_not(replaced(good, "vpn.example.org", std::string(254, 'a'))).find("host") !=
        std::string::npos);
  CHECK(why_not(replaced(good, "/?", "/x?")).find("path") != std::string::npos);
  CHECK(why_not(replaced(good, "//", "//me@")).find("user") != std::string::npos);
  CHECK(why_not(replaced(good, "&secret", "&secrets")).find("'secrets'") != std::string::npos);
  CHECK(why_not(good + "&party=q").find("twice") != std::string::npos);
  CHECK(why_not(good.substr(0, good.find("&secret"))).find("'secret' is missing") !=
        std::string::npos);
  CHECK(why_not(good.substr(0, good.size() - 1)).find("'secret' must be 32") != std::string::npos);
  CHECK(why_not(replaced(good, "party=p", "party=%0ap")).find("party name") != std::string::npos);
  CHECK(why_not(good + "#x").find("#") != std::string::npos);
  CHECK(why_not(std::string(2000, 'a')).find("longer") != std::string::npos);
  CHECK(why_not(to_string(example())).find("missing") != std::string::npos);
  CHECK(why_not("J+:\xbb").find("lanrage://") != std::string::npos); // Boost.URL 1.81 asserts
  CHECK(why_not(replaced(good, "party=p", "party=\xbb")).find("characters") != std::string::npos);
}

TEST_CASE("base64url is canonical: no padding, no stray bits, no other alphabet") {
  const bytes octets{0xFB, 0xEF, 0xFF, 0x01};
  CHECK(to_base64url(octets) == "--__AQ");
  CHECK(from_base64url("--__AQ") == octets);
  CHECK(from_base64url("") == bytes{});
  CHECK(!from_base64url("--__AR"));
  CHECK(!from_base64url("--__AQ=="));
  CHECK(!from_base64url("++//AQ"));
  CHECK(!from_base64url("A"));
}

TEST_CASE("party names are short and plain") {
  CHECK(valid_party_name("LAN night_2.0-x"));
  CHECK(!valid_party_name(""));
  CHECK(!valid_party_name(" a"));
  CHECK(!valid_party_name("a "));
  CHECK(!valid_party_name("a/b"));
  CHECK(!valid_party_name(std::string(33, 'a')));
  CHECK(valid_party_name(std::string(32, 'a')));
}
