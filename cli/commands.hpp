#pragma once

#include "cli/failure.hpp"
#include "config/settings.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

/// One function per subcommand, in a file of its name; arguments.cpp fills in what they take.
namespace lanrage::cli {

/// What every command that talks to the daemon takes.
struct daemon_access {
  std::filesystem::path socket{config::defaults::socket_path};
  bool json = false;
};

exit_code show_status(const daemon_access& to, const std::optional<std::string>& peer,
                      const std::optional<std::string>& party = std::nullopt);
/// `lanrage explain`: every path to a peer, what was measured, and why it is, or is not, in use.
exit_code explain_peer(const daemon_access& to, const std::string& peer,
                       const std::optional<std::string>& party);
exit_code watch(const daemon_access& to);
/// What this machine's network is like, and one line of advice.
exit_code netcheck(const daemon_access& to);

struct connect_options {
  std::string peer;
  std::optional<std::string> party;
  std::chrono::milliseconds wait{15'000}; ///< zero: only start it
};
exit_code connect_peer(const daemon_access& to, const connect_options& what);
exit_code disconnect_peer(const daemon_access& to, const std::string& peer,
                          const std::optional<std::string>& party);

exit_code party_create(const daemon_access& to, const std::string& name, const std::string& server);
exit_code party_join(const daemon_access& to, const std::string& invite);
exit_code party_invite(const daemon_access& to, const std::string& party);
exit_code party_leave(const daemon_access& to, const std::string& party);
/// Frees the name of a member that is away for good.
exit_code party_forget(const daemon_access& to, const std::string& peer,
                       const std::optional<std::string>& party);
exit_code party_list(const daemon_access& to);

/// Replaces this machine's WireGuard key; its name and address stay.
exit_code key_rotate(const daemon_access& to);

// Services: they run until SIGTERM or SIGINT. When ready they print one line on standard output (a
// JSON object with `json`); all else goes to standard error. SIGUSR1: they write their counters.

/// `lanrage serve`: control server and relay in one process, introduced to each other. The line is
/// the server line.
exit_code serve(const config::settings& settings, bool json);
/// `lanrage control`: the line is the server line; the key for its relays is told beside it.
exit_code control(const config::control_settings& settings, bool json);
/// `lanrage relay`: the line has what a [[control.relays]] entry needs.
exit_code relay(const config::relay_settings& settings, bool json);

} // namespace lanrage::cli
