#include "actors/daemon/local_server.hpp"
#include "net/os/io_thread.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <future>

using namespace lanrage;
using namespace lanrage::actors;
namespace asio = boost::asio;

namespace {

struct fixture {
  fixture() {
    std::string pattern = std::filesystem::temp_directory_path() / "lanrage-socket-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    path = folder / "run" / "daemon.sock";
  }
  ~fixture() {
    server.reset();
    io.stop();
    std::filesystem::remove_all(folder);
  }
  void open() {
    auto opened = local_server::open(io.context(), path, "no-such-group");
    REQUIRE(opened.has_value());
    server = std::move(*opened);
  }
  /// Answers "<line>!" to every line.
  void echo() {
    server->attach({[this](auto from, std::string line) { server->reply(from, line + "!"); }, {}});
  }

  net::os::io_thread io;
  std::filesystem::path folder;
  std::filesystem::path path;
  std::unique_ptr<local_server> server;
};

/// A blocking client, as any script would be.
struct client {
  explicit client(const std::filesystem::path& path) : socket(io) {
    socket.connect(asio::local::stream_protocol::endpoint{path.string()});
  }
  void say(const std::string& text) { asio::write(socket, asio::buffer(text)); }
  /// The next line; "EOF" when the server closed.
  std::string line() {
    boost::system::error_code failed;
    const auto octets = asio::read_until(socket, asio::dynamic_buffer(input), '\n', failed);
    if (failed) return "EOF";
    auto out = input.substr(0, octets - 1);
    input.erase(0, octets);
    return out;
  }
  asio::io_context io;
  asio::local::stream_protocol::socket socket;
  std::string input;
};

} // namespace

TEST_CASE("local socket: requests of one client are answered one by one and in order") {
  fixture f;
  f.open();
  f.echo();
  client c{f.path};
  c.say("one\ntwo\nthr");
  CHECK(c.line() == "one!");
  CHECK(c.line() == "two!");
  c.say("ee\n");
  CHECK(c.line() == "three!");
}

TEST_CASE("local socket: only owner and group can open it") {
  fixture f;
  f.open();
  struct ::stat about {};
  REQUIRE(::stat(f.path.c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0660);
}

TEST_CASE("local socket: a stale file is replaced, a living daemon is not") {
  fixture f;
  f.open();
  f.echo();
  const auto second = local_server::open(f.io.context(), f.path, "");
  REQUIRE(second.has_error());
  CHECK(second.error().code == net::errc::already_exists);
  client still{f.path};
  still.say("there\n");
  CHECK(still.line() == "there!");

  fixture g;
  std::filesystem::create_directories(g.path.parent_path());
  {
    asio::io_context io;
    asio::local::stream_protocol::acceptor dead{
        io, asio::local::stream_protocol::endpoint{g.path.string()}};
  } // leaves its file behind
  g.open();
  g.echo();
  client c{g.path};
  c.say("x\n");
  CHECK(c.line() == "x!");
}

TEST_CASE("local socket: an oversized request is refused, then closed") {
  fixture f;
  f.open();
  f.echo();
  client c{f.path};
  boost::system::error_code unused;
  const std::string big(70'000, 'x');
  asio::write(c.socket, asio::buffer(big), unused);
  CHECK(c.line().find("message_too_large") != std::string::npos);
  CHECK(c.line() == "EOF");
}

TEST_CASE("local socket: a client that leaves abandons its request") {
  fixture f;
  f.open();
  std::promise<local_server::session> asked;
  std::promise<local_server::session> left;
  f.server->attach({[&](auto from, const std::string&) { asked.set_value(from); },
                    [&](auto from) { left.set_value(from); }});
  local_server::session who = 0;
  {
    client c{f.path};
    c.say("slow\n");
    who = asked.get_future().get();
  }
  auto gone = left.get_future();
  REQUIRE(gone.wait_for(std::chrono::seconds{5}) == std::future_status::ready);
  CHECK(gone.get() == who);
}

TEST_CASE("local socket: when the answering actor is replaced, who waits is closed") {
  fixture f;
  f.open();
  std::promise<void> asked;
  f.server->attach({[&](auto, const std::string&) { asked.set_value(); }, {}});
  client waiting{f.path};
  waiting.say("never answered\n");
  asked.get_future().get();
  f.echo();
  CHECK(waiting.line() == "EOF");
  client fresh{f.path};
  fresh.say("hello\n");
  CHECK(fresh.line() == "hello!");
}

TEST_CASE("local socket: a stream outlives many lines and says how many it left out") {
  fixture f;
  f.open();
  std::promise<local_server::session> asked;
  f.server->attach({[&](auto from, const std::string&) { asked.set_value(from); }, {}});
  client c{f.path};
  c.say("watch\n");
  const auto to = asked.get_future().get();
  // Far more than the socket's buffer and the queue hold together.
  const std::string line(10'000, 'e');
  for (int i = 0; i < 2'000; ++i)
    f.server->stream(to, line);
  std::promise<void> queued;
  asio::post(f.io.context(), [&] { queued.set_value(); });
  queued.get_future().get();
  std::size_t seen = 0;
  for (; seen < 200; ++seen)
    REQUIRE(c.line() == line);
  // The client caught up a little: the next event is preceded by the count of the lost ones.
  bool lagged = false;
  f.server->stream(to, "after");
  for (int i = 0; i < 400 && !lagged; ++i) {
    const auto next = c.line();
    lagged = next.find("\"lagged\"") != std::string::npos;
    if (next == "after") f.server->stream(to, "after");
  }
  CHECK(lagged);
}
