#pragma once

#include "cli/failure.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace lanrage::cli {

/// A value, or why there is none.
template <class T>
using answer = std::variant<T, failure>;

/// A connection to the daemon (docs/local-api.md). Blocking; for commands, not for actors.
class local_client {
 public:
  /// daemon_not_running when there is no socket or nobody behind it, not_permitted when it may
  /// not be opened.
  static answer<local_client> open(const std::filesystem::path& socket);
  local_client(local_client&& other) noexcept;
  local_client& operator=(local_client&&) = delete;
  ~local_client();

  /// Sends one request and waits for its reply; an error reply is the failure it names, no reply
  /// by the deadline is timed_out.
  answer<boost::json::object> ask(const boost::json::object& request,
                                  std::chrono::milliseconds within);
  /// The next line of a stream, for as long as it takes; nothing when the daemon has closed it.
  answer<std::optional<boost::json::object>> next();

  /// Sends a request whose answer is a stream.
  std::optional<failure> send(const boost::json::object& request);

 private:
  explicit local_client(int descriptor) : descriptor_(descriptor) {}
  /// One line without its end; nothing when the daemon has closed the connection.
  answer<std::optional<std::string>>
  read_line(std::optional<std::chrono::steady_clock::time_point> until);

  int descriptor_ = -1;
  std::string pending_;
};

/// Opens, asks, and reports a failure: what most commands are.
std::variant<boost::json::object, exit_code> ask_daemon(const std::filesystem::path& socket,
                                                        const boost::json::object& request,
                                                        std::chrono::milliseconds within,
                                                        bool json);

} // namespace lanrage::cli
