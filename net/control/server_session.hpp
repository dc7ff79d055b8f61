#pragma once

#include "net/control/protocol.hpp"
#include "net/control/registry.hpp"
#include "net/control/server.hpp"
#include "net/os/https_guest.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace lanrage::net::control {

/// What a session tells the server. All calls happen on the server's thread.
class session_owner {
 public:
  virtual void on_login(session_id id, const login& request, const channel_binding& binding) = 0;
  virtual void on_message(session_id id, const client_message& message) = 0;
  virtual void on_undecodable(session_id id, const undecodable& message) = 0;
  /// The connection is over; called once, last.
  virtual void on_closed(session_id id) = 0;

  /// Who serves this path beside us; null: nobody. A connection that goes to it is closed for us.
  virtual os::https_guest* guest_for(std::string_view target) = 0;
  virtual ip_address source_of(session_id id) const = 0;

  enum class mishap { handshake, request, malformed, too_large, slow };
  virtual void on_mishap(session_id id, mishap what, std::string_view detail) = 0;

 protected:
  ~session_owner() = default;
};

/// One connection: TLS, login request, WebSocket, bounded queue of what goes out. It decides
/// nothing; the registry behind the owner does.
class server_session {
 public:
  virtual ~server_session() = default;
  virtual void start() = 0;
  virtual void accept() = 0;                 ///< the login holds: become a WebSocket
  virtual void refuse(const error& why) = 0; ///< it does not: answer over HTTP
  virtual void send(std::shared_ptr<const std::string> text) = 0;
  virtual void end(const error& why) = 0; ///< tell why, then close
  virtual void abort() = 0;               ///< close at once
};

std::shared_ptr<server_session> make_server_session(session_id id,
                                                    boost::asio::ip::tcp::socket socket,
                                                    boost::asio::ssl::context& tls,
                                                    const server_limits& limits,
                                                    session_owner& owner);

} // namespace lanrage::net::control
