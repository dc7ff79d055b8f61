#pragma once

#include "config/defaults.hpp"
#include "net/errc.hpp"
#include "net/ids.hpp"
#include "net/log_level.hpp"
#include "net/record.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lanrage::config {

using net::log_level;

/// What the peer connection decides by; the simulation and the tests set it too.
struct health_settings {
  std::chrono::milliseconds check_interval = defaults::check_interval;
  std::chrono::milliseconds check_timeout = defaults::check_timeout;
  std::chrono::milliseconds degraded_above = defaults::degraded_above;
};

/// Finding members on the local network, without any server.
struct lan_settings {
  bool enabled = true;            ///< lan.enabled
  std::vector<std::string> avoid; ///< lan.avoid: interfaces that are left alone
};

/// `lanrage daemon`: the tables [daemon], [wireguard], [health], [lan] of lanrage.toml.
struct daemon_settings {
  net::peer_id name;        ///< daemon.name; default: the host name, made a peer id
  bool auto_connect = true; ///< daemon.auto_connect: connect to every member of our parties
  std::filesystem::path state_dir{defaults::state_dir};
  std::filesystem::path socket{defaults::socket_path};
  std::string socket_group{defaults::socket_group};
  log_level log = log_level::info;
  std::string interface { defaults::interface_name }; ///< wireguard.interface, at most 15 octets
  std::uint16_t listen_port = defaults::listen_port;
  std::uint32_t fwmark = 0; ///< wireguard.fwmark; 0: none
  int mtu = defaults::mtu;
  health_settings health;
  lan_settings lan;
  std::vector<std::string> relay_pin;   ///< daemon.relay_pin: names, before all other relays
  std::vector<std::string> relay_avoid; ///< daemon.relay_avoid: names, never used
  bool port_mapping = true;             ///< daemon.port_mapping: ask the router for a port
  bool birthday_probing = false;        ///< daemon.birthday_probing: guess ports where it helps
  std::optional<std::uint64_t> seed;    ///< daemon.seed; default: drawn from the system and logged
};

/// `lanrage relay`: the table [relay].
struct relay_settings {
  std::string name = "relay1";
  std::vector<net::endpoint> listen; ///< default: 0.0.0.0 and [::], port defaults::relay_port
  std::optional<net::endpoint> public_address;  ///< what members are told; needed by `serve`
  std::optional<net::endpoint> public_address6; ///< the same over IPv6
  /// A second address and port of this machine, for RFC 5780's filtering tests; needs an address of
  /// the same family in `listen`.
  std::optional<net::endpoint> stun_alternate;
  /// Relay streams over TLS (docs/wire.md): `serve` offers them on the control port, a lone relay
  /// needs `tls_listen`.
  bool tls = true;
  std::optional<net::endpoint> tls_listen;      ///< a TCP port of the relay's own
  std::optional<std::uint16_t> tls_public_port; ///< what members are told, behind a port forward
  std::string tls_name;                         ///< for SNI; members check the pin only
  std::filesystem::path state_dir{"/var/lib/lanrage-relay"}; ///< relay.key, timestamps
  std::optional<net::token_public_key> token_key; ///< whose tokens count; `serve` knows it itself
  std::chrono::seconds lifetime = defaults::relay_lifetime;
  std::uint32_t rate_kbit_s = defaults::relay_rate_kbit_s;
  log_level log = log_level::info;
};

/// `lanrage control`: the table [control] and the array [[control.relays]].
struct control_settings {
  net::endpoint listen;    ///< default: 0.0.0.0, port defaults::control_port
  std::string public_host; ///< host name or address in the server line; default: listen address
  std::filesystem::path state_dir{"/var/lib/lanrage-control"}; ///< keys, certificate, control.db
  std::vector<net::relay_info> relays;
  log_level log = log_level::info;
};

struct settings {
  daemon_settings daemon;
  relay_settings relay;
  control_settings control;
};

/// Reads a TOML text. The error's detail is one line per problem, "file:line:column: what was
/// found, what was expected"; unknown keys, wrong types and impossible values are problems.
net::result<settings> parse(std::string_view text, std::string_view file_name);
/// The same from a file; a missing file is bad_config unless it is the default path.
net::result<settings> load(const std::filesystem::path& file);
/// Every key with its default and meaning, as a TOML file ready to edit.
std::string example_text();

} // namespace lanrage::config
