#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the laboratory says to the program under test, and what it reads of its answers: settings,
/// command lines and JSON, all of it in this one place. See docs/interfaces.md, docs/local-api.md.
namespace lanrage::lab::words {

namespace fs = std::filesystem;

/// What a relay is to the control server.
struct relay_entry {
  std::string name;
  std::string public_key;   ///< base64
  std::string address;      ///< "203.0.113.11:51820"
  std::string address6;     ///< "[2001:db8::11]:51820"; empty: IPv4 only
  std::string alternate;    ///< another address and port, for RFC 5780's tests; empty: none
  std::string tls_listen{}; ///< TCP, for members whose network blocks UDP; empty: none
  std::uint16_t tls_port = 0;
  std::string tls_pin{}; ///< base64; the relay says it when it is ready
};

/// `address`: what it listens on. `host`: what members are told.
std::string control_settings(const fs::path& state, const std::string& address,
                             const std::string& host, const std::vector<relay_entry>& relays,
                             const std::string& log);
std::string relay_settings(const fs::path& state, const relay_entry& self,
                           const std::string& token_key, const std::string& log);
std::string daemon_settings(const std::string& name, const fs::path& state, const fs::path& socket,
                            std::chrono::milliseconds check_interval, const std::string& log,
                            bool auto_connect = true, bool birthday_probing = false);

/// A fresh relay key: what goes into `relay.key` of the relay's state folder, and its public half.
struct relay_identity {
  std::string file_text;
  std::string public_key; ///< base64
};
relay_identity make_relay_identity();
/// The same of a control server's `token.key`: relays must know its public half.
relay_identity make_token_identity();

using argv = std::vector<std::string>;
argv run_control(const fs::path& binary, const fs::path& settings);
argv run_relay(const fs::path& binary, const fs::path& settings);
argv run_daemon(const fs::path& binary, const fs::path& settings);
/// `lanrage --socket SOCKET ARGUMENTS...`
argv ask_daemon(const fs::path& binary, const fs::path& socket, const argv& arguments);
argv party_create(const std::string& party, const std::string& server_line);
argv party_join(const std::string& invite);
argv connect(const std::string& peer);
argv disconnect(const std::string& peer);
argv status(); ///< self and all peers
argv status(const std::string& peer);

/// What a control server prints when it is ready.
struct control_ready {
  std::string server_line;
  std::string token_key;
};
std::optional<control_ready> read_control_ready(std::string_view line);
/// The pin of a relay's certificate, out of what it prints when it is ready; empty: it has no TLS.
std::optional<std::string> read_relay_pin(std::string_view line);
/// The invite in the answer to party create.
std::optional<std::string> read_invite(std::string_view text);

/// One peer as `status --json` shows it; what is null there is empty here.
struct peer_view {
  std::string peer_id, virtual_ip, endpoint, strategy, status, phase, relay, reason;
  std::optional<double> latency_ms;
  std::string transport{}; ///< "udp", "tls"
  bool connected() const { return status == "connected"; }
  bool direct() const { return strategy == "direct"; }
};
struct status_view {
  std::string virtual_ip; ///< own
  std::string nat;        ///< "port-restricted"; empty: not known yet
  std::string mapped;     ///< the own public address, as a relay sees it
  std::vector<peer_view> peers;
};
std::optional<status_view> read_status(std::string_view json);
std::optional<peer_view> read_peer(std::string_view json);

} // namespace lanrage::lab::words
