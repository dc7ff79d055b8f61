#pragma once

#include "net/control/client.hpp"
#include "net/control/server.hpp"
#include "tests/net/control/support.hpp"
#include "tests/support/captured_log.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

/// A real server and real members on loopback.
namespace lanrage::test {

using namespace std::chrono_literals;

inline constexpr auto patience = 10s; ///< a test that waits this long has failed

struct live_server {
  captured_log log;
  scratch dir;
  std::unique_ptr<net::control::control_server> server;

  explicit live_server(net::control::server_limits limits = net::control::default_limits()) {
    start(limits);
  }
  void start(net::control::server_limits limits = net::control::default_limits(),
             std::uint16_t port = 0) {
    config::control_settings settings;
    settings.listen = {net::ip_address::v4(0x7F000001), port};
    settings.state_dir = dir.path / "state";
    net::relay_info relay;
    relay.key.octets[0] = 7;
    relay.name = "relay1";
    relay.address = *net::endpoint::parse("203.0.113.9:51820");
    settings.relays = {relay};
    auto made = net::control::control_server::start(settings, limits);
    if (!made) throw std::runtime_error(to_string(made.error()));
    server = std::move(*made);
  }
  void restart() {
    const auto port = server->listening().port;
    server.reset();
    start(net::control::default_limits(), port);
  }
  /// Waits until a counter says so; counting happens on the server's thread.
  template <class Condition>
  bool counts(Condition condition) const {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition(server->counters()))
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }
  /// How many refusals of a member here the log tells, with that as a part of the reason.
  std::size_t refusals(const std::string& why) const {
    return log.lines("info: control: refused 127.0.0.1: " + why);
  }
};

/// A connected member: what happened to it, in order.
class live_member {
 public:
  live_member(boost::asio::io_context& io, net::control::client_options options) : io_(io) {
    net::control::client_events events;
    events.opened = [this] { log.push_back("opened"); };
    events.message = [this](net::control::server_message m) {
      log.push_back("message");
      inbox.push_back(std::move(m));
    };
    events.round_trip = [this](std::chrono::microseconds rtt) {
      log.push_back("round trip");
      rtts.push_back(rtt);
    };
    events.closed = [this](net::error why) {
      log.push_back("closed");
      closed = std::move(why);
    };
    link = net::control::client::open(io, std::move(options), std::move(events));
  }
  live_member(boost::asio::io_context& io, const live_server& at, const test_member& who,
              std::vector<net::control::membership> parties)
      : live_member(io, net::control::default_client_options(at.server->line(), who.key,
                                                             std::move(parties))) {}
  live_member(const live_member&) = delete;
  ~live_member() {
    link->close();
    until([this] { return closed.has_value(); });
  }

  template <class Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    io_.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io_.run_one_for(5ms); // the condition may be about the server's thread, too
    }
    return true;
  }
  /// The next message of that kind, taken out of the inbox.
  template <class T>
  T next() {
    std::optional<T> found;
    const bool came = until([&] {
      for (auto at = inbox.begin(); at != inbox.end(); ++at) {
        if (const auto* wanted = std::get_if<T>(&*at)) {
          found = *wanted;
          inbox.erase(at);
          return true;
        }
      }
      return closed.has_value();
    });
    if (!came) FAIL("the message did not come");
    if (!found) FAIL("closed instead: " << to_string(*closed));
    return *found;
  }
  net::error end() {
    if (!until([this] { return closed.has_value(); })) FAIL("the connection did not end");
    return *closed;
  }
  net::errc refusal() { return next<net::control::request_refused>().why.code; }

  std::vector<std::string> log;
  std::vector<net::control::server_message> inbox;
  std::vector<std::chrono::microseconds> rtts;
  std::optional<net::error> closed;
  std::shared_ptr<net::control::client> link;

 private:
  boost::asio::io_context& io_;
};

} // namespace lanrage::test
