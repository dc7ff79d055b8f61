#include "actors/daemon/local_api_actor.hpp"
#include "actors/supervisor/connection_supervisor.hpp"
#include "actors/supervisor/guardian.hpp"
#include "tests/net/os/sockets.hpp"
#include "tests/support/fake_roles.hpp"
#include "tests/support/message_kinds.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::net::os::test::run_until;

namespace {

/// The daemon's socket with the real actor behind it, guarded as in the daemon; the socket on real
/// time, the actors on virtual time, both on this thread.
struct house final : sim::message_watcher {
  boost::asio::io_context io{1};
  sim::virtual_time time;
  msg::roles roles = fake_roles(time, std::make_shared<told>());
  std::filesystem::path folder;
  std::shared_ptr<actors::local_server> server;
  caf::actor_addr born; ///< the incarnation that lives
  int deaths = 0;
  std::optional<handled> at;
  when how = when::instead;

  house() {
    std::string pattern = std::filesystem::temp_directory_path() / "lanrage-api-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    auto opened = actors::local_server::open(io, path(), "no-such-group");
    REQUIRE(opened.has_value());
    server = std::move(*opened);
    actors::connection_settings connections;
    connections.own = alice_key;
    connections.id = *net::peer_id::parse("alice");
    connections.wall = [] { return msg::unix_ms{1'769'688'000'000}; };
    roles.supervisor = time.own(actors::spawn_connection_supervisor(
        time.system(), roles, connections, actors::restore_connections({})));
    actors::guardian_settings guard;
    guard.name = "local api";
    guard.make = [this, wall = connections.wall](caf::actor_system& system, const caf::actor&) {
      const auto next = caf::actor_cast<caf::actor>(
          actors::spawn_local_api(system, roles, {{"lanrage0", 51820, {}}, wall}, server));
      born = next.address();
      return next;
    };
    guard.notify = [this](const actors::death_notice&) { ++deaths; };
    const auto guardian = time.own(actors::spawn_guardian(time.system(), guard));
    time.watched_by(this);
    actors::start_guardian(guardian);
    time.settle();
  }
  ~house() override {
    time.watched_by(nullptr);
    server.reset();
    io.poll();
    std::filesystem::remove_all(folder);
  }
  std::filesystem::path path() const { return folder / "lanrage.sock"; }

  void handling(std::uint64_t actor, caf::mailbox_element& what) override {
    if (!at || born.id() != actor || !at->is(what)) return;
    at.reset();
    if (how == when::instead)
      caf::anon_send_exit(caf::actor_cast<caf::actor>(born), caf::exit_reason::kill);
    else
      dying = true;
  }
  bool dying = false;

  /// Until it holds, or nothing more happens for long.
  bool until(const std::function<bool()>& holds) {
    return run_until(io, [&] {
      time.settle();
      if (std::exchange(dying, false))
        caf::anon_send_exit(caf::actor_cast<caf::actor>(born), caf::exit_reason::kill);
      time.settle();
      return holds();
    });
  }
};

/// `lanrage` or a script on the socket.
struct client {
  house& in;
  net::os::descriptor fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  std::string input;
  bool closed = false;

  explicit client(house& to) : in(to) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    in.path().string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  void say(const std::string& line) {
    REQUIRE(::send(fd.get(), (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL) > 0);
  }
  void read() {
    char some[4096];
    for (ssize_t got; (got = ::recv(fd.get(), some, sizeof some, 0)) >= 0;) {
      if (got == 0) return void(closed = true);
      input.append(some, static_cast<std::size_t>(got));
    }
    closed = closed || errno != EAGAIN;
  }
  bool hears(const std::string& text) {
    return in.until([&] { return read(), input.find(text) != input.npos; });
  }
  bool is_closed() {
    return in.until([&] { return read(), closed; });
  }
};

} // namespace

TEST_CASE("the local api may die at any message: who waits is told, who asks next is answered") {
  std::vector<handled> all;
  messages_of<actors::local_api_actor>::add(all, "local api");
  CHECK(all.size() == 3);
  for (const auto how : {when::instead, when::after})
    for (const auto& at : all) {
      INFO("dies " << (how == when::after ? "after " : "instead of handling ") << at.message);
      house h;
      client idle{h}, watching{h};
      idle.say(R"({"op":"ping"})");
      REQUIRE(idle.hears("\"version\""));
      watching.say(R"({"op":"watch"})");
      REQUIRE(watching.hears("\"snapshot\""));
      h.how = how;
      h.at = at;
      {
        client leaving{h}; // all three kinds, in any order
        leaving.say(R"({"op":"watch"})");
        h.until([&] { return leaving.read(), leaving.closed || !leaving.input.empty(); });
      }
      caf::anon_send(h.roles.supervisor, msg::network_changed{});
      REQUIRE(h.until([&] { return h.deaths == 1; }));
      h.time.run_for(1s);
      CHECK(watching.is_closed()); // rather than silent for ever
      idle.input.clear();
      idle.say(R"({"op":"ping"})");
      CHECK(idle.hears("\"version\""));
      client again{h};
      again.say(R"({"op":"watch"})");
      CHECK(again.hears("\"snapshot\""));
      caf::anon_send(h.roles.supervisor, msg::network_changed{});
      CHECK(again.hears("addresses or routes changed"));
      CHECK(h.deaths == 1);
    }
}
