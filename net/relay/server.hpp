#pragma once

#include "config/settings.hpp"
#include "net/relay/routing.hpp"

#include <memory>
#include <vector>

namespace lanrage::net::os {
class https_guest;
}

namespace lanrage::net::relay {

/// The core's bounds as the settings and config/defaults.hpp say.
relay_limits limits_of(const config::relay_settings& settings);

/// The relay as a process part: sockets, clock, disk and log around a `relay_core`.
///
/// In `settings.state_dir` (made 0700): relay.key (0600, base64), relay.pem (0600, with
/// `tls_listen`), relay.state (0600, members and
/// routes, every few seconds and at the end), counters.json (0644, every 10 s and on `report`).
class server {
 public:
  /// Reads or makes the key, opens the sockets, takes over the saved state. A family the machine
  /// does not have is left out where all of its addresses were meant. already_exists: the port
  /// or the state folder is taken.
  static result<std::unique_ptr<server>> open(const config::relay_settings& settings,
                                              const token_public_key& tokens);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Relays until `stop`; then saves and returns. Once, on a thread of the caller's choice.
  void run();
  /// From any thread or a signal handler.
  void stop();
  /// Writes the counters now. From any thread or a signal handler.
  void report();

  std::vector<endpoint> local_endpoints() const; ///< with the real ports
  const relay_public_key& public_key() const;
  relay_id id() const;
  /// As the control plane lists it: with the public address, else the first local one.
  relay_info info() const;
  /// The same of its streams, when they are served at this port by somebody else.
  relay_tls tls_at(std::uint16_t port, const certificate_pin& pin) const;
  /// Serves members' streams behind an HTTPS port of somebody else, who must be there until `run`
  /// has returned.
  std::shared_ptr<os::https_guest> guest() const;
  /// From any thread; at most a tenth of a second old while running.
  counters count() const;

 private:
  struct impl;
  explicit server(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace lanrage::net::relay
