#include "net/control/store.hpp"

#include "net/control/overloaded.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lanrage::net::control {
namespace {

constexpr int schema_version = 1;
constexpr int busy_ms = 2'000; ///< a copy made by an administrator's tool may hold the file

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS party(
  party BLOB PRIMARY KEY, name TEXT NOT NULL, verifier BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member(
  key BLOB PRIMARY KEY, sign_key BLOB NOT NULL, address TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS membership(
  party BLOB NOT NULL, key BLOB NOT NULL, id TEXT NOT NULL, version INTEGER, sealed BLOB,
  PRIMARY KEY(party, key), UNIQUE(party, id)) WITHOUT ROWID;
PRAGMA user_version = 1;
)";

struct close_database {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct finalize_statement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using database = std::unique_ptr<sqlite3, close_database>;

/// A prepared statement; binds and reads in the order of the query.
class statement {
 public:
  statement() = default;
  static result<statement> prepare(sqlite3* db, const char* query) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(db, query, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
      return fail(errc::bad_state, std::string{"the store: "} + sqlite3_errmsg(db));
    statement out;
    out.handle_.reset(raw);
    return out;
  }

  statement& blob(byte_view octets) {
    // An empty blob needs a pointer, or SQLite binds NULL.
    sqlite3_bind_blob64(handle_.get(), ++at_, octets.empty() ? "" : (const void*)octets.data(),
                        octets.size(), SQLITE_TRANSIENT);
    return *this;
  }
  statement& text(std::string_view value) {
    sqlite3_bind_text64(handle_.get(), ++at_, value.data(), value.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    return *this;
  }
  statement& number(std::uint64_t value) {
    sqlite3_bind_int64(handle_.get(), ++at_, static_cast<sqlite3_int64>(value));
    return *this;
  }
  statement& null() {
    sqlite3_bind_null(handle_.get(), ++at_);
    return *this;
  }
  /// SQLITE_ROW, SQLITE_DONE or an error; anything but a row makes it ready for the next use.
  int step() {
    const int code = sqlite3_step(handle_.get());
    column_ = 0;
    if (code != SQLITE_ROW) {
      sqlite3_reset(handle_.get());
      sqlite3_clear_bindings(handle_.get());
      at_ = 0;
    }
    return code;
  }

  bool is_null() const { return sqlite3_column_type(handle_.get(), column_) == SQLITE_NULL; }
  byte_view blob() {
    const auto* data =
        static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column_));
    const auto size = sqlite3_column_bytes(handle_.get(), column_++);
    return {data, static_cast<std::size_t>(size)};
  }
  std::string_view text() {
    const auto octets = blob();
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
  }
  std::uint64_t number() {
    return static_cast<std::uint64_t>(sqlite3_column_int64(handle_.get(), column_++));
  }

 private:
  std::unique_ptr<sqlite3_stmt, finalize_statement> handle_;
  int at_ = 0;
  int column_ = 0;
};

error damaged(const char* table) {
  return fail(errc::bad_state, std::string{"the store has an unreadable row in "} + table);
}

class sqlite_store final : public store {
 public:
  static result<std::unique_ptr<store>> open(const std::filesystem::path& file);
  result<stored_state> load() override;
  result<void> apply(std::span<const change> changes) override;

 private:
  result<void> prepare();
  result<void> execute(const char* text) const;
  result<void> run(statement& with);
  result<void> apply_one(const change& what);
  error failed() const {
    return fail(errc::bad_state, std::string{"the store: "} + sqlite3_errmsg(db_.get()));
  }

  database db_; // outlives the statements below
  statement put_party_, put_member_, put_membership_;
  statement drop_party_, drop_member_, drop_membership_;
};

/// Made by us with its mode, before SQLite would make it with the umask's.
result<void> make_private(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::fchmod(fd, 0600) != 0) {
    const auto why = fail(errc::bad_state, file.string() + ": " + std::strerror(errno));
    if (fd >= 0) ::close(fd);
    return why;
  }
  ::close(fd);
  return {};
}

result<std::unique_ptr<store>> sqlite_store::open(const std::filesystem::path& file) {
  if (const auto made = make_private(file); !made) return made.error();
  auto out = std::make_unique<sqlite_store>();
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  out->db_.reset(raw);
  if (code != SQLITE_OK) return out->failed();
  sqlite3_busy_timeout(raw, busy_ms);
  auto version = statement::prepare(raw, "PRAGMA user_version");
  if (!version) return version.error();
  if (version->step() != SQLITE_ROW) return out->failed();
  if (const auto found = version->number(); found > schema_version)
    return fail(errc::bad_state, file.string() + " was written by a newer lanrage");
  version = statement{};
  // NORMAL in write-ahead mode survives a crash of ours; a power cut may lose the last joins,
  // which the members repeat with their next login.
  for (const char* text : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", schema})
    if (const auto done = out->execute(text); !done) return done.error();
  if (const auto ready = out->prepare(); !ready) return ready.error();
  return out;
}

result<void> sqlite_store::prepare() {
  const std::pair<statement*, const char*> all[] = {
      {&put_party_, "INSERT OR REPLACE INTO party VALUES(?,?,?)"},
      {&put_member_, "INSERT OR REPLACE INTO member VALUES(?,?,?)"},
      {&put_membership_, "INSERT OR REPLACE INTO membership VALUES(?,?,?,?,?)"},
      {&drop_party_, "DELETE FROM party WHERE party=?"},
      {&drop_member_, "DELETE FROM member WHERE key=?"},
      {&drop_membership_, "DELETE FROM membership WHERE party=? AND key=?"},
  };
  for (const auto& [into, query] : all) {
    auto made = statement::prepare(db_.get(), query);
    if (!made) return made.error();
    *into = std::move(*made);
  }
  return {};
}

result<void> sqlite_store::execute(const char* text) const {
  if (sqlite3_exec(db_.get(), text, nullptr, nullptr, nullptr) != SQLITE_OK) return failed();
  return {};
}

result<void> sqlite_store::run(statement& with) {
  if (with.step() != SQLITE_DONE) return failed();
  return {};
}

result<stored_state> sqlite_store::load() {
  stored_state out;
  auto parties = statement::prepare(db_.get(), "SELECT party,name,verifier FROM party");
  if (!parties) return parties.error();
  while (parties->step() == SQLITE_ROW) {
    const auto id = party_id::from(parties->blob());
    std::string name{parties->text()};
    const auto verifier = party_verifier::from(parties->blob());
    if (!id || !verifier) return damaged("party");
    out.parties.push_back({*id, std::move(name), *verifier});
  }
  auto members = statement::prepare(db_.get(), "SELECT key,sign_key,address FROM member");
  if (!members) return members.error();
  while (members->step() == SQLITE_ROW) {
    const auto key = wg_public_key::from(members->blob());
    const auto sign_key = sign_public_key::from(members->blob());
    const auto address = virtual_ip::parse(members->text());
    if (!key || !sign_key || !address) return damaged("member");
    out.members.push_back({*key, *sign_key, *address});
  }
  auto rows = statement::prepare(db_.get(), "SELECT m.party,m.key,m.id,m.version,m.sealed "
                                            "FROM membership m JOIN party USING(party) "
                                            "JOIN member USING(key)");
  if (!rows) return rows.error();
  while (rows->step() == SQLITE_ROW) {
    const auto party = party_id::from(rows->blob());
    const auto key = wg_public_key::from(rows->blob());
    const auto id = peer_id::parse(rows->text());
    if (!party || !key || !id) return damaged("membership");
    stored_membership row{*party, *key, *id, std::nullopt};
    if (!rows->is_null()) {
      const auto version = rows->number();
      const auto sealed = rows->blob();
      row.record = stored_record{version, {sealed.begin(), sealed.end()}};
    }
    out.memberships.push_back(std::move(row));
  }
  return out;
}

result<void> sqlite_store::apply_one(const change& what) {
  return std::visit(
      overloaded{
          [&](const stored_party& c) {
            return run(put_party_.blob(c.party.view()).text(c.name).blob(c.verifier.reveal()));
          },
          [&](const stored_member& c) {
            return run(
                put_member_.blob(c.key.view()).blob(c.sign_key.view()).text(to_string(c.address)));
          },
          [&](const stored_membership& c) {
            put_membership_.blob(c.party.view()).blob(c.key.view()).text(c.id.str());
            if (c.record)
              put_membership_.number(c.record->version).blob(c.record->sealed);
            else
              put_membership_.null().null();
            return run(put_membership_);
          },
          [&](const drop_party& c) { return run(drop_party_.blob(c.party.view())); },
          [&](const drop_member& c) { return run(drop_member_.blob(c.key.view())); },
          [&](const drop_membership& c) {
            return run(drop_membership_.blob(c.party.view()).blob(c.key.view()));
          }},
      what);
}

result<void> sqlite_store::apply(std::span<const change> changes) {
  if (changes.empty()) return {};
  if (const auto begun = execute("BEGIN IMMEDIATE"); !begun) return begun.error();
  for (const auto& each : changes) {
    if (const auto done = apply_one(each); !done) {
      (void)execute("ROLLBACK");
      return done.error();
    }
  }
  const auto done = execute("COMMIT");
  if (!done) (void)execute("ROLLBACK");
  return done;
}

class memory_store final : public store {
 public:
  result<stored_state> load() override { return stored_state{}; }
  result<void> apply(std::span<const change>) override { return {}; }
};

} // namespace

result<std::unique_ptr<store>> open_sqlite(const std::filesystem::path& file) {
  return sqlite_store::open(file);
}

std::unique_ptr<store> make_memory_store() {
  return std::make_unique<memory_store>();
}

} // namespace lanrage::net::control
