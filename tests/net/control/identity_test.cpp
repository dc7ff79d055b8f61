#include "net/control/identity.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;

TEST_CASE("a server keeps its identity: the second start reads what the first made") {
  const test::scratch dir;
  const auto first = load_identity(dir.path / "state", os_random());
  REQUIRE(first);
  const auto second = load_identity(dir.path / "state", os_random());
  REQUIRE(second);
  CHECK(first->pin == second->pin);
  CHECK(first->pem == second->pem);
  CHECK(public_key(first->login) == public_key(second->login));
  CHECK(public_key(first->token) == public_key(second->token));
  using std::filesystem::perms;
  for (const auto& each : std::filesystem::directory_iterator{dir.path / "state"})
    CHECK((each.status().permissions() & (perms::group_all | perms::others_all)) == perms::none);

  const auto elsewhere = load_identity(dir.path / "other", os_random());
  REQUIRE(elsewhere);
  CHECK(elsewhere->pin != first->pin);
}

TEST_CASE("a damaged key or certificate is refused, never replaced") {
  for (const auto* name : {"login.key", "token.key", "server.pem"}) {
    const test::scratch dir;
    REQUIRE(load_identity(dir.path, os_random()));
    std::ofstream{dir.path / name} << "damaged";
    const auto again = load_identity(dir.path, os_random());
    REQUIRE(!again);
    CHECK(again.error().code == errc::bad_state);
    CHECK(again.error().detail.find(name) != std::string::npos);
    std::string text;
    std::ifstream{dir.path / name} >> text;
    CHECK(text == "damaged");
  }
}
