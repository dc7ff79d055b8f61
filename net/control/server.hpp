#pragma once

#include "config/settings.hpp"
#include "net/control/invite.hpp"
#include "net/control/registry.hpp"

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

/// What happened since the start; monotone but for `sessions`.
struct server_counters {
  std::uint64_t sessions = 0; ///< logged in now
  std::uint64_t connections = 0;
  std::uint64_t logins = 0;
  std::uint64_t refused_source = 0;    ///< closed before TLS: too many from one source
  std::uint64_t refused_handshake = 0; ///< no TLS 1.3, or no login in time
  std::uint64_t refused_request = 0;   ///< no or malformed login request
  std::uint64_t refused_login = 0;     ///< bad_login
  std::uint64_t refused_parties = 0;   ///< wrong_secret, name_taken, party_not_found, ...
  std::uint64_t refused_full = 0;
  std::uint64_t forgotten = 0; ///< members, at the word of others
  std::uint64_t rotated = 0;   ///< keys of members, at their own
  std::uint64_t messages = 0;
  std::uint64_t messages_bad = 0; ///< not of the protocol
  std::uint64_t messages_too_large = 0;
  std::uint64_t messages_refused = 0; ///< understood, not allowed
  std::uint64_t slow_members = 0;     ///< disconnected for a full queue
};

/// The control server on a thread of its own, from `start` to destruction.
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
