#pragma once

#include "config/settings.hpp"
#include "net/control/invite.hpp"
#include "net/control/registry.hpp"
#include "net/control/server_counters.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace lanrage::net::os {
class https_guest;
}

namespace lanrage::net::control {

/// The server's bounds; the defaults are config/defaults.hpp's, tests make them small.
struct server_limits {
  registry_limits registry;
  std::size_t handshakes = 0;            ///< connections without a session, beside the sessions
  std::chrono::milliseconds handshake{}; ///< TCP accepted to login read
  std::chrono::milliseconds dead_after{};
  std::size_t header_octets = 0;
  std::size_t message_octets = 0;
  std::size_t queue_messages = 0;   ///< per session
  std::size_t queue_octets = 0;     ///< per session
  std::uint32_t connects_per_s = 0; ///< per source
  std::uint32_t connects_burst = 0;
};
server_limits default_limits();

/// The control server on a thread of its own, from `start` to destruction.
///
/// In `settings.state_dir` (made 0700): keys and certificate (0600), control.db, and counters.json
/// (0644, every 10 s, on `report` and at the end).
class control_server {
 public:
  /// bad_state (keys or store), already_exists (port or state folder are taken), bad_config (an
  /// address that is not ours), not_permitted.
  static result<std::unique_ptr<control_server>>
  start(const config::control_settings& settings, const server_limits& limits = default_limits());
  ~control_server(); ///< stop()
  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

  endpoint listening() const; ///< with the port the system gave, if 0 was asked for
  const server_line& line() const;
  token_public_key token_key() const;
  /// Replaces the relay list and tells every member.
  void set_relays(std::vector<relay_info> relays);
  /// Who serves another path of the same port; before anybody is told of it.
  void set_guest(std::shared_ptr<os::https_guest> guest);
  const certificate_pin& pin() const;
  server_counters counters() const;
  /// Writes the counters now. From any thread.
  void report();
  /// Whether it ended by itself, and why: it does when its store fails, so that what members
  /// were told and what is stored never differ.
  std::optional<error> failed() const;
  /// Tells the members and ends; safe to call twice.
  void stop();

 private:
  class impl;
  explicit control_server(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace lanrage::net::control
