// `lanrage daemon` as a real process, in a sandbox: it makes its interface, which would outlive it.
#include "tests/cli/programs.hpp"
#include "tests/net/os/wg_sandbox.hpp"
#include "tests/support/service_manager.hpp"

#include <catch2/catch.hpp>

#include <linux/capability.h>
#include <sys/prctl.h>

#include <iostream>

using namespace lanrage::cli::test;
using lanrage::test::require;
using lanrage::test::service_manager;

namespace {

std::string settings(const folder& in, const std::string& more, const std::string& state = "state",
                     const std::string& socket = "lanrage.sock") {
  return "[daemon]\nname = \"alice\"\nstate_dir = \"" + (in.path / state).string() +
         "\"\nsocket = \"" + (in.path / socket).string() + "\"\n" + more;
}

} // namespace

TEST_CASE("SIGHUP makes the daemon read its settings again and tell systemd of it") {
  LANRAGE_IN_SANDBOX([] {
    const folder in;
    const auto config = in.write("lanrage.toml", settings(in, "")).string();
    service_manager systemd{in.path / "notify.sock"};
    program daemon{
        in, "daemon", {"daemon", "--config", config}, {{"NOTIFY_SOCKET", systemd.path()}}};
    require(systemd.hear() == "READY=1", "ready");

    in.write("lanrage.toml", settings(in, "log = \"debug\"\n[wireguard]\nmtu = 1300\n"));
    daemon.signal(SIGHUP);
    const auto reloading = systemd.hear();
    require(reloading.rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0, reloading);
    require(std::stoull(reloading.substr(reloading.rfind('=') + 1)) > 0, reloading);
    require(systemd.hear() == "READY=1", "ready");
    require(daemon.logs("in effect: daemon.log"), daemon.log());
    require(daemon.logs("needs a restart: wireguard.mtu"), daemon.log());

    in.write("lanrage.toml", settings(in, "log = 7\n"));
    daemon.signal(SIGHUP);
    require(systemd.hear().rfind("RELOADING=1", 0) == 0, "reloading again");
    require(systemd.hear() == "READY=1", "ready");
    require(daemon.logs("lanrage.toml:5:7: found integer 7 for log"), daemon.log());
    require(daemon.running(), "alive");

    daemon.signal(SIGTERM);
    require(systemd.hear() == "STOPPING=1", "stopping");
    require(daemon.exit_code() == 0, "exit code 0");
    require(daemon.line().empty(), "the log is on standard error");
  });
}

TEST_CASE("a second daemon on the same socket or state says so and leaves the first alone") {
  LANRAGE_IN_SANDBOX([] {
    const folder in;
    const auto config = in.write("lanrage.toml", settings(in, "")).string();
    service_manager systemd{in.path / "notify.sock"};
    program first{in, "first", {"daemon", "--config", config}, {{"NOTIFY_SOCKET", systemd.path()}}};
    require(systemd.hear() == "READY=1", "ready");
    const auto same_socket = in.write("socket.toml", settings(in, "", "other")).string();
    program second{in, "second", {"daemon", "--config", same_socket}};
    require(second.exit_code() == 1, "exit code 1");
    require(second.log().find("another daemon answers") != std::string::npos, second.log());
    const auto same_state =
        in.write("state.toml", settings(in, "", "state", "other.sock")).string();
    program third{in, "third", {"daemon", "--config", same_state}};
    require(third.exit_code() == 1, "exit code 1");
    require(third.log().find("in use by another process") != std::string::npos, third.log());
    require(first.running(), "the first lives");
    first.signal(SIGTERM);
    require(first.exit_code() == 0, "exit code 0");
  });
}

TEST_CASE("a daemon whose actor keeps dying ends with 1, says which and why, and is not ready") {
  LANRAGE_IN_SANDBOX([] {
    // Without the right to open raw sockets every incarnation of the port driver dies.
    require(::prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0, "drop a capability");
    const folder in;
    const auto config = in.write("lanrage.toml", settings(in, "")).string();
    service_manager systemd{in.path / "notify.sock"};
    program daemon{
        in, "daemon", {"daemon", "--config", config}, {{"NOTIFY_SOCKET", systemd.path()}}};
    require(systemd.hear() == "READY=1", "ready");
    require(systemd.hear() == "STOPPING=1", "not any more");
    require(daemon.exit_code() == 1, "exit code 1\n" + daemon.log());
    const auto log = daemon.log();
    require(log.find("restarting in 100 ms") != std::string::npos, log);
    require(log.find("giving up") != std::string::npos, log);
    // The last words are for people, without the log's time.
    const auto last = log.rfind("\nlanrage: ");
    require(last != std::string::npos && log.find("keeps dying", last) != std::string::npos &&
                log.find("raw", last) != std::string::npos,
            log);
  });
}
