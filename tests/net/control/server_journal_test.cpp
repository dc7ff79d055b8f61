#include "config/defaults.hpp"
#include "net/control/server_journal.hpp"
#include "net/os/files.hpp"
#include "tests/net/control/support.hpp"
#include "tests/support/captured_log.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::net;
using namespace lanrage::net::control;
using namespace std::chrono_literals;
namespace defaults = config::defaults;

namespace {

const auto start = server_journal::time_point{} + 1h;
const auto source = *ip_address::parse("192.0.2.1");
const auto crowd = fail(errc::limit_reached, "connections of one source");
constexpr auto burst = std::size_t{defaults::control_refusals_logged_burst};

} // namespace

TEST_CASE("a flood of refusals is counted whole, and logged in a few lines that say how many") {
  const test::captured_log log;
  const test::scratch dir;
  server_journal journal{dir.path};
  const auto every = defaults::control_refusals_logged_every;
  for (int i = 0; i < 100'000; ++i)
    journal.refuse(&server_counters::refused_source, source, crowd, start + i * every / 10'000);
  CHECK(journal.counters().refused_source == 100'000);
  CHECK(log.lines("refused 192.0.2.1: limit_reached") == burst + 9);
  CHECK(log.lines("(and 9999 more since the last line)") == 8);
}

TEST_CASE("a flood of one kind of refusal does not hide another kind") {
  const test::captured_log log;
  const test::scratch dir;
  server_journal journal{dir.path};
  for (int i = 0; i < 1'000; ++i)
    journal.refuse(&server_counters::refused_source, source, crowd, start);
  journal.refuse(&server_counters::refused_parties, source, fail(errc::wrong_secret), start);
  CHECK(log.lines("limit_reached") == burst);
  CHECK(log.lines("wrong_secret") == 1);
}

TEST_CASE("a minute in which nobody came or spoke leaves no line") {
  const test::captured_log log;
  const test::scratch dir;
  server_journal journal{dir.path};
  journal.tick(start);
  CHECK(log.text().empty());
  journal.count(&server_counters::connections, 3);
  journal.refuse(&server_counters::refused_login, source, fail(errc::bad_login), start);
  journal.tick(start + defaults::counters_logged_every);
  CHECK(log.lines(
            "0 sessions; since the last line 3 connections, 0 logins, 0 messages, 1 refused") == 1);
  const auto before = log.text();
  journal.tick(start + 2 * defaults::counters_logged_every);
  CHECK(log.text() == before);
}

TEST_CASE("counters that cannot be written are told, with the file") {
  const test::captured_log log;
  const test::scratch dir;
  server_journal{dir.path / "nowhere"}.write();
  CHECK(log.lines("error: control: bad_state") == 1);
  CHECK(log.lines("nowhere/counters.json") == 1);
}
