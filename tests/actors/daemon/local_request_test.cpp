#include "actors/daemon/local_request.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using net::errc;

namespace {

template <class Request>
Request expect(std::string_view line) {
  const auto parsed = local::parse(line);
  REQUIRE(parsed.has_value());
  REQUIRE(std::holds_alternative<Request>(*parsed));
  return std::get<Request>(*parsed);
}

std::string refusal(std::string_view line) {
  const auto parsed = local::parse(line);
  REQUIRE(parsed.has_error());
  CHECK(parsed.error().code == errc::bad_message);
  return parsed.error().detail;
}

} // namespace

TEST_CASE("local API: every operation is understood with its fields") {
  expect<local::ping>(R"({"op":"ping"})");
  CHECK_FALSE(expect<local::status>(R"({"op":"status"})").peer);
  CHECK(expect<local::status>(R"({"op":"status","peer":"bob"})").peer->str() == "bob");
  CHECK(expect<local::status>(R"({"op":"status","peer":"bob","party":"p"})").party == "p");
  const auto connect =
      expect<local::connect>(R"({"op":"connect","peer":"bob","party":"lan","wait_ms":0})");
  CHECK(connect.what.id.str() == "bob");
  CHECK(connect.what.party == "lan");
  CHECK(connect.wait.count() == 0);
  CHECK(expect<local::connect>(R"({"op":"connect","peer":"bob"})").wait.count() == 15'000);
  CHECK(expect<local::disconnect>(R"({"op":"disconnect","peer":"bob"})").what.id.str() == "bob");
  CHECK(expect<local::party_create>(R"({"op":"party_create","name":"lan","server":"s"})")
            .what.server_line == "s");
  CHECK(expect<local::party_join>(R"({"op":"party_join","invite":"i"})").what.invite == "i");
  CHECK(expect<local::party_invite>(R"({"op":"party_invite","party":"lan"})").what.party == "lan");
  CHECK(expect<local::party_leave>(R"({"op":"party_leave","party":"lan"})").what.party == "lan");
  const auto forget =
      expect<local::party_forget>(R"({"op":"party_forget","peer":"bob","party":"lan"})");
  CHECK(forget.what.id.str() == "bob");
  CHECK(forget.what.party == "lan");
  CHECK_FALSE(expect<local::party_forget>(R"({"op":"party_forget","peer":"bob"})").what.party);
  expect<local::key_rotate>(R"({"op":"key_rotate"})");
  expect<local::party_list>(R"({"op":"party_list"})");
  expect<local::watch>(R"({"op":"watch"})");
}

TEST_CASE("local API: a bad request is refused with the field that is wrong") {
  CHECK(refusal("nonsense").find("JSON") != std::string::npos);
  CHECK(refusal("[1]").find("object") != std::string::npos);
  CHECK(refusal(R"({"peer":"bob"})").find("\"op\"") != std::string::npos);
  CHECK(refusal(R"({"op":"fly"})").find("fly") != std::string::npos);
  CHECK(refusal(R"({"op":"connect"})").find("\"peer\" is missing") != std::string::npos);
  CHECK(refusal(R"({"op":"connect","peer":"Bob!"})").find("no peer name") != std::string::npos);
  CHECK(refusal(R"({"op":"party_forget"})").find("\"peer\" is missing") != std::string::npos);
  CHECK(refusal(R"({"op":"connect","peer":7})").find("must be a text") != std::string::npos);
  CHECK(refusal(R"({"op":"connect","peer":"bob","wait_ms":-1})").find("wait_ms") !=
        std::string::npos);
  CHECK(refusal(R"({"op":"ping","peer":"bob"})").find("unknown field") != std::string::npos);
  CHECK(refusal(R"({"op":"status","a":{"b":{"c":{"d":{"e":1}}}}})").find("JSON") !=
        std::string::npos);
}

TEST_CASE("local API: a line cut anywhere is refused, never misread") {
  const std::string whole = R"({"op":"connect","peer":"bob","wait_ms":10})";
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    CHECK(local::parse(std::string_view{whole}.substr(0, cut)).has_error());
}
