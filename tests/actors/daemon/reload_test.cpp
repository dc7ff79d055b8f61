#include "actors/daemon/reload.hpp"
#include "net/os/log.hpp"
#include "tests/support/captured_log.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace std::chrono_literals;

namespace {

config::daemon_settings settings_of(std::string_view text) {
  return config::parse(text, "lanrage.toml").value().daemon;
}

/// The log of one reload, without time stamps. `running` starts at the level it says.
std::string log_of_reload(config::daemon_settings& running, std::string_view text) {
  const lanrage::test::captured_log log;
  net::os::set_log_level(running.log);
  reload_settings(running, [&]() -> net::result<config::daemon_settings> {
    auto read = config::parse(text, "lanrage.toml");
    if (!read) return read.error();
    return read->daemon;
  });
  return log.text();
}

} // namespace

TEST_CASE("a reload applies the log level at once") {
  auto running = settings_of("");
  CHECK(log_of_reload(running, "[daemon]\nlog = \"debug\"\n") ==
        "info: daemon: settings read again, 1 changed\n"
        "info: daemon: in effect: daemon.log\n");
  CHECK(running.log == net::log_level::debug);
  // The way back is told while it still can be.
  CHECK(log_of_reload(running, "[daemon]\nlog = \"error\"\n") ==
        "info: daemon: settings read again, 1 changed\n"
        "info: daemon: in effect: daemon.log\n");
  CHECK(running.log == net::log_level::error);
}

TEST_CASE("a reload names every other change as needing a restart, until there was one") {
  auto running = settings_of("");
  const auto* text = "[daemon]\nauto_connect = false\n[wireguard]\nmtu = 1300\n"
                     "[health]\ncheck_interval = \"5s\"\n[relay]\nname = \"other\"\n";
  const auto said = log_of_reload(running, text);
  CHECK(said == "info: daemon: settings read again, 3 changed\n"
                "warning: daemon: needs a restart: daemon.auto_connect\n"
                "warning: daemon: needs a restart: wireguard.mtu\n"
                "warning: daemon: needs a restart: health.check_interval\n");
  CHECK(log_of_reload(running, text) == said);
  CHECK(log_of_reload(running, "") == "info: daemon: settings read again, 0 changed\n");
}

TEST_CASE("a reload of an invalid file changes nothing and tells each problem with its place") {
  auto running = settings_of("");
  CHECK(log_of_reload(running, "[daemon]\nlog = \"loud\"\nseed = -1\n") ==
        "error: daemon: the settings stay as they are; those of the file cannot be used:\n"
        "error: daemon: lanrage.toml:2:7: found string \"loud\" for log, expected one of "
        "\"trace\", \"debug\", \"info\", \"warn\", \"error\"\n"
        "error: daemon: lanrage.toml:3:8: found integer -1 for seed, expected an integer from 0\n");
  CHECK(running.log == net::log_level::info);
}
