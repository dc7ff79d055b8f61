#pragma once

#include "net/control/invite.hpp"
#include "net/control/login.hpp"
#include "net/control/protocol.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace lanrage::net::control {

struct client_options {
  server_line server;
  wg_private_key key;
  std::vector<membership> parties;
  std::chrono::milliseconds handshake{};  ///< from resolving the name to the upgrade's answer
  std::chrono::milliseconds ping{};       ///< between two measurements
  std::chrono::milliseconds dead_after{}; ///< without an octet from the server
  std::size_t message_octets = 0;
  std::size_t queue_messages = 0; ///< ours that wait for the network; beyond: limit_reached
  /// The key that `key` takes the place of, which speaks for it.
  std::optional<wg_private_key> replaces{};
};
/// Deadlines and bounds of config/defaults.hpp.
client_options default_client_options(server_line server, wg_private_key key,
                                      std::vector<membership> parties);

/// All are called on the io_context's thread, never from inside a call of ours into `client`.
struct client_events {
  /// The login holds; `message` follows with the welcome.
  std::function<void()> opened;
  std::function<void(server_message)> message;
  /// A round trip to the server: each of the login's three (TCP, TLS, upgrade), then every ping's.
  std::function<void(std::chrono::microseconds)> round_trip;
  /// The last event. control_unreachable, wrong_pin, timed_out; what the server refused with
  /// (bad_login, wrong_secret, ...); closed; bad_message when the server speaks another protocol.
  std::function<void(error)> closed;
};

/// A member's connection to its control server: one attempt, no retry. Its methods may be called
/// from any thread; what is sent before the login holds waits for it.
class client {
 public:
  static std::shared_ptr<client> open(boost::asio::io_context& io, client_options options,
                                      client_events events);
  virtual ~client() = default;
  virtual void send(client_message message) = 0;
  /// Join (or make) another party: proves the secret on this connection.
  virtual void join(membership in) = 0;
  /// Says goodbye and closes; `closed` follows with errc::closed.
  virtual void close() = 0;
};

} // namespace lanrage::net::control
