#include "net/control/store.hpp"
#include "tests/net/control/support.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <fstream>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;

namespace {

const test::test_party party;
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};

sign_public_key sign_key(const test::test_member& who) {
  return public_key(sign_key_of(who.key));
}

std::vector<change> alice_in_a_party() {
  return {stored_party{party.id, party.name, verifier_of(party.secret)},
          stored_member{alice.pub, sign_key(alice), virtual_ip::derive(alice.id, 0)},
          stored_membership{party.id, alice.pub, alice.id, stored_record{7, {1, 2, 3}}}};
}

} // namespace

TEST_CASE("what was stored is there after reopening, in a file only its owner reads") {
  const test::scratch dir;
  const auto file = dir.path / "control.db";
  {
    auto kept = open_sqlite(file);
    REQUIRE(kept);
    REQUIRE((*kept)->apply(alice_in_a_party()));
    const std::vector<change> more{
        stored_member{bob.pub, sign_key(bob), virtual_ip::derive(bob.id, 0)},
        stored_membership{party.id, bob.pub, bob.id, std::nullopt}};
    REQUIRE((*kept)->apply(more));
  }
  using std::filesystem::perms;
  for (const auto& each : std::filesystem::directory_iterator{dir.path})
    CHECK((each.status().permissions() & (perms::group_all | perms::others_all)) == perms::none);

  auto kept = open_sqlite(file);
  REQUIRE(kept);
  const auto state = (*kept)->load();
  REQUIRE(state);
  REQUIRE(state->parties.size() == 1);
  CHECK(state->parties[0].name == party.name);
  CHECK(equal_in_constant_time(state->parties[0].verifier.reveal(),
                               verifier_of(party.secret).reveal()));
  CHECK(state->members.size() == 2);
  REQUIRE(state->memberships.size() == 2);
  for (const auto& row : state->memberships) {
    CHECK(row.party == party.id);
    if (row.key == alice.pub) {
      REQUIRE(row.record);
      CHECK(row.record->version == 7);
      CHECK(row.record->sealed == bytes{1, 2, 3});
    } else {
      CHECK(row.key == bob.pub);
      CHECK(!row.record);
    }
  }
}

TEST_CASE("dropped rows are gone, replaced ones are new") {
  const test::scratch dir;
  auto kept = open_sqlite(dir.path / "control.db");
  REQUIRE(kept);
  REQUIRE((*kept)->apply(alice_in_a_party()));
  const std::vector<change> newer{
      stored_membership{party.id, alice.pub, *peer_id::parse("laptop"), stored_record{8, {}}}};
  REQUIRE((*kept)->apply(newer));
  auto state = (*kept)->load();
  REQUIRE(state->memberships.size() == 1);
  CHECK(state->memberships[0].id.str() == "laptop");
  REQUIRE(state->memberships[0].record);
  CHECK(state->memberships[0].record->sealed.empty());

  const std::vector<change> gone{drop_membership{party.id, alice.pub}, drop_member{alice.pub},
                                 drop_party{party.id}};
  REQUIRE((*kept)->apply(gone));
  state = (*kept)->load();
  CHECK(state->parties.empty());
  CHECK(state->members.empty());
  CHECK(state->memberships.empty());
}

TEST_CASE("a file of a newer version or of another kind is refused, not overwritten") {
  const test::scratch dir;
  const auto newer = dir.path / "newer.db";
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(newer.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
  const auto opened = open_sqlite(newer);
  REQUIRE(!opened);
  CHECK(opened.error().code == errc::bad_state);
  CHECK(opened.error().detail.find("newer") != std::string::npos);

  const auto garbage = dir.path / "garbage.db";
  std::ofstream{garbage} << std::string(8192, 'x');
  CHECK(open_sqlite(garbage).error().code == errc::bad_state);
  CHECK(open_sqlite(dir.path / "no" / "such").error().code == errc::bad_state);
}

TEST_CASE("changes are stored all or none") {
  const test::scratch dir;
  const auto file = dir.path / "control.db";
  auto kept = open_sqlite(file);
  REQUIRE(kept);
  // Another process holds the write lock for good.
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(!(*kept)->apply(alice_in_a_party()));
  REQUIRE(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(other);
  CHECK((*kept)->load()->parties.empty());
  CHECK((*kept)->apply(alice_in_a_party()));
  CHECK((*kept)->load()->parties.size() == 1);
}
