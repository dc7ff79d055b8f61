#pragma once

#include "net/errc.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace lanrage::actors {

/// The daemon's Unix socket (docs/local-api.md): lines in, lines out, one request of a client at a
/// time. Knows nothing of their contents. Lives on the io thread; every function may be called
/// from any thread.
class local_server {
 public:
  using session = std::uint64_t;
  struct handlers {
    std::function<void(session, std::string line)> asked; ///< answer with reply() or stream()
    std::function<void(session)> left;                    ///< its answer is not wanted any more
  };

  /// Removes a stale socket file; already_exists when another daemon answers on it,
  /// not_permitted, bad_config (a path that cannot be a socket).
  static net::result<std::unique_ptr<local_server>> open(boost::asio::io_context& context,
                                                         const std::filesystem::path& path,
                                                         const std::string& group);
  /// Closes all clients and removes the socket file.
  ~local_server();

  /// Who answers from now on. Clients that wait for an answer of the one before are closed.
  void attach(handlers who);
  /// Ends the request: one line, then the client may ask again.
  void reply(session to, std::string line);
  /// One line of a stream that goes on; `limit` lines are kept for a client that does not read.
  void stream(session to, std::string line);

 private:
  class impl;
  explicit local_server(std::shared_ptr<impl> state) : impl_(std::move(state)) {}

  std::shared_ptr<impl> impl_;
};

} // namespace lanrage::actors
