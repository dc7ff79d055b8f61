// `lanrage daemon` as a real process, in a network of its own.
#include "programs.hpp"
#include "tests/net/os/own_network.hpp"

#include <catch2/catch.hpp>

#include <sys/un.h>

using namespace lanrage::cli::test;

namespace {

/// systemd's end of sd_notify(3).
class service_manager {
 public:
  explicit service_manager(const std::filesystem::path& path) : path_(path.string()) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot listen on " + path_);
    const timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~service_manager() { ::close(fd_); }
  const std::string& path() const { return path_; }
  /// The next thing it is told.
  std::string hear() {
    char text[512];
    const auto size = ::recv(fd_, text, sizeof text, 0);
    return size > 0 ? std::string{text, static_cast<std::size_t>(size)} : std::string{};
  }

 private:
  std::string path_;
  int fd_;
};

std::string settings(const folder& in, const std::string& more) {
  return "[daemon]\nname = \"alice\"\nstate_dir = \"" + (in.path / "state").string() +
         "\"\nsocket = \"" + (in.path / "lanrage.sock").string() + "\"\n" + more;
}

} // namespace

TEST_CASE("SIGHUP makes the daemon read its settings again and tell systemd of it") {
  lanrage::net::os::test::in_own_network([] {
    const folder in;
    const auto config = in.write("lanrage.toml", settings(in, "")).string();
    service_manager systemd{in.path / "notify.sock"};
    program daemon{
        in, "daemon", {"daemon", "--config", config}, {{"NOTIFY_SOCKET", systemd.path()}}};
    CHECK(systemd.hear() == "READY=1");

    in.write("lanrage.toml", settings(in, "log = \"debug\"\n[wireguard]\nmtu = 1300\n"));
    daemon.signal(SIGHUP);
    const auto reloading = systemd.hear();
    CHECK(reloading.rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0);
    CHECK(std::stoull(reloading.substr(reloading.rfind('=') + 1)) > 0);
    CHECK(systemd.hear() == "READY=1");
    CHECK(daemon.logs("in effect: daemon.log"));
    CHECK(daemon.logs("needs a restart: wireguard.mtu"));

    in.write("lanrage.toml", settings(in, "log = 7\n"));
    daemon.signal(SIGHUP);
    CHECK(systemd.hear().rfind("RELOADING=1", 0) == 0);
    CHECK(systemd.hear() == "READY=1");
    CHECK(daemon.logs("lanrage.toml:5:7: found integer 7 for log"));
    CHECK(daemon.running());

    daemon.signal(SIGTERM);
    CHECK(systemd.hear() == "STOPPING=1");
    CHECK(daemon.exit_code() == 0);
    CHECK(daemon.line().empty()); // the log is on standard error
  });
}

TEST_CASE("a second daemon on the same socket says so and leaves the first alone") {
  lanrage::net::os::test::in_own_network([] {
    const folder in;
    const auto config = in.write("lanrage.toml", settings(in, "")).string();
    service_manager systemd{in.path / "notify.sock"};
    program first{in, "first", {"daemon", "--config", config}, {{"NOTIFY_SOCKET", systemd.path()}}};
    CHECK(systemd.hear() == "READY=1");
    program second{in, "second", {"daemon", "--config", config}};
    CHECK(second.exit_code() == 1);
    CHECK(second.log().find("lanrage.sock") != std::string::npos);
    CHECK(first.running());
    first.signal(SIGTERM);
    CHECK(first.exit_code() == 0);
  });
}
