// What a control server that lies is believed: nothing. Real server, real members, real sockets;
// the lies stand in its database.
#include "net/control/record_book.hpp"
#include "tests/net/control/live.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <map>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using test::live_member;
using test::live_server;

namespace {

const test::test_party party;
const test::test_party other{"other"};
const test::test_member alice{"alice"};
const test::test_member bob{"bob"};
const test::test_member carol{"carol"};
const test::test_member dave{"dave"};
const test::test_member mallory{"mallory"};

client_message publish(const test::test_member& who, std::uint64_t version, virtual_ip address) {
  const auto record = who.record(party, version, address);
  return publish_request{party.id, who.id, version, who.seal(record, party)};
}

/// The server's database, open for whoever owns the server.
class database {
 public:
  explicit database(const live_server& of) {
    const auto file = of.dir.path / "state" / "control.db";
    REQUIRE(sqlite3_open(file.c_str(), &db_) == SQLITE_OK);
  }
  ~database() { sqlite3_close(db_); }
  database(const database&) = delete;

  void put(const char* statement, const std::vector<byte_view>& blobs) {
    sqlite3_stmt* made = nullptr;
    REQUIRE(sqlite3_prepare_v2(db_, statement, -1, &made, nullptr) == SQLITE_OK);
    int at = 0;
    for (const auto& each : blobs)
      sqlite3_bind_blob(made, ++at, each.data(), int(each.size()), SQLITE_TRANSIENT);
    CHECK(sqlite3_step(made) == SQLITE_DONE);
    sqlite3_finalize(made);
    REQUIRE(sqlite3_changes(db_) == 1);
  }
  bytes sealed(const char* id) {
    sqlite3_stmt* made = nullptr;
    REQUIRE(sqlite3_prepare_v2(db_, "SELECT sealed FROM membership WHERE id = ?", -1, &made,
                               nullptr) == SQLITE_OK);
    sqlite3_bind_text(made, 1, id, -1, SQLITE_TRANSIENT);
    REQUIRE(sqlite3_step(made) == SQLITE_ROW);
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(made, 0));
    bytes out(data, data + sqlite3_column_bytes(made, 0));
    sqlite3_finalize(made);
    return out;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// A member of the server's own making, with this record.
void add_member(database& in, const test::test_member& who, byte_view sealed) {
  const auto sign_key = public_key(sign_key_of(who.key));
  in.put("INSERT INTO member VALUES(?, ?, '10.66.9.9')", {who.pub.octets, sign_key.octets});
  in.put("INSERT INTO membership VALUES(?, ?, 'mallory', 5, ?)",
         {party.id.octets, who.pub.octets, sealed});
}

/// Alice, Bob and Dave publish; the server stops; its database is changed; it starts again.
template <class Lies>
void lie(live_server& at, Lies lies) {
  boost::asio::io_context io;
  std::uint64_t said = 0;
  for (const auto* who : {&alice, &bob, &dave}) {
    live_member member{io, at, *who, {who->in(party, who == &alice)}};
    member.link->send(publish(*who, 5, member.next<welcome>().parties[0].address));
    ++said;
    REQUIRE(member.until([&] { return at.server->counters().messages == said; }));
  }
  at.server.reset();
  {
    database db{at};
    lies(db);
  }
  at.start();
}

/// What Carol is told by the server, and what she believes of it.
struct believed {
  record_book book{party.id, party.secret};
  std::map<std::string, errc> refused;
  std::size_t told = 0;

  explicit believed(const live_server& at) {
    boost::asio::io_context io;
    live_member member{io, at, carol, {carol.in(party)}};
    const auto all = member.next<welcome>().parties[0].records;
    told = all.size();
    for (const auto& no : book.replace(all))
      refused[no.envelope.id.str()] = no.why.code;
  }
};

} // namespace

TEST_CASE("a record that the server altered is refused, the others are not") {
  live_server at;
  lie(at, [](database& db) {
    auto altered = db.sealed("bob");
    altered[altered.size() / 2] ^= 1;
    db.put("UPDATE membership SET sealed = ? WHERE id = 'bob'", {altered});
  });
  const believed b{at};
  CHECK(b.told == 3);
  CHECK(b.refused == std::map<std::string, errc>{{"bob", errc::bad_signature}});
  CHECK(b.book.find(alice.pub) != nullptr);
  CHECK(b.book.find(dave.pub) != nullptr);
  CHECK(b.book.find(bob.pub) == nullptr);
}

TEST_CASE("a record that the server gives to another member is refused") {
  live_server at;
  lie(at, [](database& db) {
    db.put("UPDATE membership SET sealed = ? WHERE id = 'bob'", {db.sealed("alice")});
  });
  const believed b{at};
  CHECK(b.refused == std::map<std::string, errc>{{"bob", errc::bad_signature}});
  CHECK(b.book.find(alice.pub) != nullptr);
}

TEST_CASE("a member that the server added is refused: it does not know the party's secret") {
  live_server at;
  SECTION("with a record sealed by a secret of its own") {
    lie(at, [](database& db) {
      auto record = mallory.record(party, 5);
      add_member(db, mallory,
                 seal_record(record, sign_key_of(mallory.key), other.secret, os_random()));
    });
  }
  SECTION("with a member's record") {
    lie(at, [](database& db) { add_member(db, mallory, db.sealed("alice")); });
  }
  SECTION("with noise") {
    lie(at, [](database& db) { add_member(db, mallory, bytes(300, 0x5a)); });
  }
  const believed b{at};
  CHECK(b.told == 4);
  CHECK(b.refused == std::map<std::string, errc>{{"mallory", errc::bad_signature}});
  CHECK(b.book.find(mallory.pub) == nullptr);
  CHECK(b.book.find(alice.pub) != nullptr);
  CHECK(b.book.find(bob.pub) != nullptr);
}

TEST_CASE("a member that signs for another is refused, whatever the server says") {
  // Mallory knows the party's secret: the record opens, but its signature is not Bob's.
  live_server at;
  lie(at, [](database& db) {
    auto record = bob.record(party, 6);
    record.sign_key = public_key(sign_key_of(mallory.key));
    const auto forged = seal_record(record, sign_key_of(mallory.key), party.secret, os_random());
    db.put("UPDATE membership SET sealed = ?, version = 6 WHERE id = 'bob'", {forged});
  });
  believed b{at};
  // Carol never saw Bob before: the first key seen is pinned. Who knew him refuses the other one.
  record_book knew{party.id, party.secret};
  knew.restore(bob.record(party, 5));
  boost::asio::io_context io;
  live_member member{io, at, dave, {dave.in(party)}};
  const auto refused = knew.replace(member.next<welcome>().parties[0].records);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].envelope.id == bob.id);
  CHECK(refused[0].why.code == errc::bad_signature);
  CHECK(knew.find(bob.pub)->record == bob.record(party, 5));
}
