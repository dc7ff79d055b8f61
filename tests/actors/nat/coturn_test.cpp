// Our STUN client against coturn's server, on loopback.

#include "actors/nat/gather.hpp"
#include "net/os/descriptor.hpp"
#include "net/os/process.hpp"
#include "net/os/socket_address.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <map>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using namespace std::chrono_literals;
using net::nat_behavior;

namespace {

/// coturn on 127.0.0.1 and 127.0.0.2, ports 37478 and 37479; ends with the object.
class turnserver {
 public:
  turnserver() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coturn-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const auto pid_file = (folder_ / "pid").string(), database = (folder_ / "db").string();
    child_ = ::fork();
    if (child_ != 0) return;
    // clang-format off
    ::execlp("turnserver", "turnserver", "-n", "--no-auth", "-L", "127.0.0.1", "-L", "127.0.0.2",
             "-p", "37478", "--alt-listening-port", "37479", "--no-tcp", "--no-tls", "--no-dtls",
             "--no-cli", "--no-tcp-relay", "--log-file", "/dev/null", "--pidfile",
             pid_file.c_str(), "--userdb", database.c_str(), nullptr);
    // clang-format on
    ::_exit(127);
  }
  ~turnserver() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  turnserver(const turnserver&) = delete;
  turnserver& operator=(const turnserver&) = delete;

 private:
  std::filesystem::path folder_;
  pid_t child_ = -1;
};

/// A gather whose frames go through real sockets.
class client {
 public:
  explicit client(const net::endpoint& server) { core.servers({server}, now(), out_); }

  bool run_until(const std::function<bool()>& holds, std::chrono::seconds most) {
    const auto end = now() + most;
    while (!holds()) {
      if (now() > end) return false;
      send();
      receive(10ms);
      if (core.deadline() && *core.deadline() <= now()) core.tick(now(), out_);
    }
    return true;
  }
  gather core{own_port, seeded(1)};

 private:
  static constexpr std::uint16_t own_port = 37'480;
  static time_point now() { return std::chrono::steady_clock::now(); }

  int socket_at(std::uint16_t port) {
    auto& fd = sockets_[port];
    if (fd) return fd.get();
    fd.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto where =
        net::os::to_socket_address({net::ip_address::v4(0x7f000001), port == 0 ? own_port : port});
    REQUIRE(::bind(fd.get(), where.data(), where.size) == 0);
    return fd.get();
  }
  void send() {
    for (const auto& frame : std::exchange(out_.frames, {})) {
      if (!frame.to.address.is_loopback()) continue;
      const auto to = net::os::to_socket_address(frame.to);
      ::sendto(socket_at(frame.from_port), frame.data->data(), frame.data->size(), 0, to.data(),
               to.size);
    }
  }
  void receive(std::chrono::milliseconds wait) {
    std::vector<pollfd> all;
    std::vector<std::uint16_t> ports;
    for (const auto& [port, fd] : sockets_) {
      all.push_back({fd.get(), POLLIN, 0});
      ports.push_back(port);
    }
    if (::poll(all.data(), all.size(), static_cast<int>(wait.count())) <= 0) return;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((all[i].revents & POLLIN) == 0) continue;
      net::bytes buffer(2'048);
      net::os::socket_address from;
      from.size = sizeof from.storage;
      const auto size =
          ::recvfrom(all[i].fd, buffer.data(), buffer.size(), 0, from.data(), &from.size);
      if (size < 0) continue;
      buffer.resize(static_cast<std::size_t>(size));
      const auto source = net::os::from_socket_address(from.data());
      if (const auto answer = net::stun::parse_response(buffer))
        core.receive(*source, ports[i], *answer, now(), out_);
      else if (const auto request = net::stun::parse_request(buffer))
        core.receive_request(request->id, now(), out_);
    }
  }

  nat_effects out_;
  std::map<std::uint16_t, net::os::descriptor> sockets_;
};

} // namespace

TEST_CASE("our client works against coturn's server") {
  if (!net::os::run_process({"turnserver", "-h"}).has_value()) {
    std::cout << "\nSKIPPED: turnserver is not installed (package coturn)" << std::endl;
    return;
  }
  const turnserver server;
  client c{at("127.0.0.1:37478")};
  const auto known = c.run_until(
      [&] {
        const auto nat = c.core.paths().nat;
        return nat.filtering != nat_behavior::unknown && nat.mapping != nat_behavior::unknown;
      },
      30s);
  CHECK(known);
  // Loopback translates and filters nothing.
  const auto seen = c.core.paths();
  CHECK(seen.nat.mapping == nat_behavior::endpoint_independent);
  CHECK(seen.nat.filtering == nat_behavior::endpoint_independent);
  CHECK(seen.details.mapped == at("127.0.0.1:37480"));
  CHECK(seen.details.ports_preserved == true);
}
