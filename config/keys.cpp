#include "config/keys.hpp"

#include "config/key_kinds.hpp"
#include "config/lan_defaults.hpp"

#include <cctype>
#include <limits>

namespace lanrage::config {
namespace {

using namespace kinds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

constexpr int mtu_min = 1280; // IPv6's least (RFC 8200 section 5)
constexpr int mtu_max = 9000;

table daemon_table() {
  using path = std::filesystem::path;
  return {
      "daemon",
      "A member's machine: `lanrage daemon`.",
      {
          text("name", in_settings<net::peer_id>{[](settings& s) -> net::peer_id& {
                 return s.daemon.name;
               }},
               "1 to 32 of a-z, 0-9 and '-', not starting or ending with '-'", "my-machine", false,
               "This machine's name in every party. Without it: the host name.",
               [](const std::string& given) { return net::peer_id::parse(given); }),
          flag(
              "auto_connect", [](settings& s) -> bool& { return s.daemon.auto_connect; },
              "Connect to every member of our parties, not only to those asked for."),
          directory(
              "state_dir", [](settings& s) -> path& { return s.daemon.state_dir; },
              "Keys (0600), parties, last known records."),
          text("socket", in_settings<path>{[](settings& s) -> path& { return s.daemon.socket; }},
               "an absolute path of at most 107 octets", std::string{defaults::socket_path}, true,
               "Where `lanrage status` and the other commands find the daemon.", socket_path),
          text("socket_group", in_settings<std::string>{[](settings& s) -> std::string& {
                 return s.daemon.socket_group;
               }},
               "a group name of 1 to 32 characters", std::string{defaults::socket_group}, true,
               "Members of this group may use the socket; root always may.",
               [](const std::string& given) { return relay_name(given); }),
          flag(
              "port_mapping", [](settings& s) -> bool& { return s.daemon.port_mapping; },
              "Ask the router to forward WireGuard's port (PCP, NAT-PMP, UPnP)."),
          flag(
              "birthday_probing", [](settings& s) -> bool& { return s.daemon.birthday_probing; },
              "Where one side's NAT is symmetric and the other's port-restricted: guess up to "
              "1,024\n"
              "ports of the peer's public address, once per change of a network, when the peer "
              "has\n"
              "this on, too. It looks like a port scan. Needs `nft` on the symmetric side. IPv4."),
          log([](settings& s) -> log_level& { return s.daemon.log; }),
          relay_list(
              "relay_pin", [](settings & s) -> auto& { return s.daemon.relay_pin; },
              "Relays to use before all others, as `lanrage status` names them."),
          relay_list(
              "relay_avoid", [](settings & s) -> auto& { return s.daemon.relay_avoid; },
              "Relays never to use. What either end avoids is used by neither."),
          {"seed", "an integer from 0",
           "All randomness of the actors follows from it. Without it: drawn from the system\n"
           "and logged.",
           "1", false,
           [](const value& found, settings& into) {
             const auto* given = std::get_if<std::int64_t>(&found);
             if (!given || *given < 0) return false;
             into.daemon.seed = static_cast<std::uint64_t>(*given);
             return true;
           },
           [](const settings& a, const settings& b) { return a.daemon.seed == b.daemon.seed; }},
      }};
}

table wireguard_table() {
  return {
      "wireguard",
      "The one WireGuard interface of the daemon.",
      {
          text("interface", in_settings<std::string>{[](settings& s) -> std::string& {
                 return s.daemon.interface;
               }},
               "an interface name of 1 to 15 characters without '/' and ':'",
               std::string{defaults::interface_name}, true,
               "Made when it is not there, adopted when it is.", interface_name),
          number<std::uint16_t>(
              "listen_port", [](settings & s) -> auto& { return s.daemon.listen_port; }, 1, 65535,
              "WireGuard's UDP port. STUN, probes and relay registration leave from it too."),
          number<std::uint32_t>(
              "fwmark", [](settings & s) -> auto& { return s.daemon.fwmark; }, 0,
              std::numeric_limits<std::uint32_t>::max(),
              "Mark of the packets WireGuard sends, for policy routing. 0: none."),
          number<int>(
              "mtu", [](settings & s) -> auto& { return s.daemon.mtu; }, mtu_min, mtu_max,
              "Largest packet inside the tunnel, in octets. The default leaves room for PPPoE\n"
              "and for IPv6 outside."),
      }};
}

table health_table() {
  return {
      "health",
      "What tells a good connection from a bad one.",
      {
          duration<milliseconds>(
              "check_interval",
              [](settings & s) -> auto& { return s.daemon.health.check_interval; }, 100ms, 1h,
              "Time between two checks (ICMP through the tunnel) while all is well."),
          duration<milliseconds>(
              "check_timeout", [](settings & s) -> auto& { return s.daemon.health.check_timeout; },
              10ms, 60s, "An answer later than this is a loss. Not longer than check_interval."),
          duration<milliseconds>(
              "degraded_above",
              [](settings & s) -> auto& { return s.daemon.health.degraded_above; }, 1ms, 60s,
              "A round trip above this makes the connection degraded; exactly this does not.\n"
              "Not longer than check_timeout."),
      }};
}

table lan_table() {
  static_assert(defaults::lan_port == 51866, "the help below says it");
  return {"lan",
          "Finding members on the local network, with or without internet.",
          {
              flag(
                  "enabled", [](settings& s) -> bool& { return s.daemon.lan.enabled; },
                  "Find members of our parties on the same network by multicast (UDP port 51866), "
                  "also\n"
                  "without internet. Nobody else can tell who announces itself."),
              interface_list(
                  "avoid", [](settings & s) -> auto& { return s.daemon.lan.avoid; },
                  "Network interfaces on which nothing is announced or heard."),
          }};
}

/// An address of the relay that members are told; without it there is none.
key<settings> reachable(std::string_view name,
                        std::optional<net::endpoint> config::relay_settings::*at,
                        std::string_view example, std::string_view help) {
  return {name,
          "an IP address with a port that members can reach",
          help,
          toml_string(std::string{example}),
          false,
          [at](const value& found, settings& into) {
            const auto* given = std::get_if<std::string>(&found);
            const auto where = given ? reachable_endpoint(*given) : std::nullopt;
            if (where) into.relay.*at = where;
            return where.has_value();
          },
          [at](const settings& a, const settings& b) { return a.relay.*at == b.relay.*at; }};
}

std::optional<std::uint16_t> port_of(const value& found) {
  const auto* given = std::get_if<std::int64_t>(&found);
  if (!given || *given < 1 || *given > std::numeric_limits<std::uint16_t>::max())
    return std::nullopt;
  return static_cast<std::uint16_t>(*given);
}

net::relay_tls& tls_of(net::relay_info& relay) {
  if (!relay.tls) relay.tls.emplace();
  return *relay.tls;
}

std::optional<std::string> tls_name(const std::string& given) {
  return !given.empty() && net::valid_tls_name(given) ? std::optional{given} : std::nullopt;
}

/// How the relay serves members whose network blocks UDP.
std::vector<key<settings>> tls_keys() {
  return {
      flag(
          "tls", [](settings& s) -> bool& { return s.relay.tls; },
          "Serve members whose network blocks UDP, by TLS over TCP: `lanrage serve` on its\n"
          "control port, `lanrage relay` on `tls_listen`. Port 443 passes most firewalls."),
      {"tls_listen", "an address with a port to listen on, such as \"0.0.0.0:443\"",
       "A TCP port of the relay's own for that; `lanrage serve` needs none.", "\"0.0.0.0:443\"",
       false,
       [](const value& found, settings& into) {
         const auto* given = std::get_if<std::string>(&found);
         const auto where = given ? listen_endpoint(*given) : std::nullopt;
         if (where) into.relay.tls_listen = where;
         return where.has_value();
       },
       [](const settings& a, const settings& b) {
         return a.relay.tls_listen == b.relay.tls_listen;
       }},
      {"tls_public_port", "an integer from 1 to 65535",
       "The port that members are told, where a router forwards it to another one.", "443", false,
       [](const value& found, settings& into) {
         const auto port = port_of(found);
         if (port) into.relay.tls_public_port = port;
         return port.has_value();
       },
       [](const settings& a, const settings& b) {
         return a.relay.tls_public_port == b.relay.tls_public_port;
       }},
      text("tls_name",
           in_settings<std::string>{[](settings& s) -> std::string& { return s.relay.tls_name; }},
           "a host name", "relay.example.org", false,
           "Name that members say in their TLS handshake, where a firewall insists on one.",
           tls_name),
  };
}

table relay_table() {
  using path = std::filesystem::path;
  using endpoint = net::endpoint;
  table out{
      "relay",
      "A relay on a public machine: `lanrage relay`, and as part of `lanrage serve`.",
      {
          text("name",
               in_settings<std::string>{[](settings& s) -> std::string& { return s.relay.name; }},
               "1 to 32 printable characters without spaces", "relay1", true,
               "What people see in `lanrage status`.", relay_name),
          listen_list(
              "listen", [](settings& s) -> std::vector<endpoint>& { return s.relay.listen; },
              "UDP addresses to serve: registration, WireGuard packets and STUN."),
          reachable("public_address", &config::relay_settings::public_address, "203.0.113.5:51820",
                    "Where members find this relay. Needed by `lanrage serve`."),
          reachable("public_address6", &config::relay_settings::public_address6,
                    "[2001:db8::5]:51820", "The same for members that have IPv6 only."),
          reachable("stun_alternate", &config::relay_settings::stun_alternate, "203.0.113.6:51821",
                    "A second address and another port of this machine: with it members learn how\n"
                    "their NATs filter (RFC 5780). `listen` must name an address of that family."),
          directory(
              "state_dir", [](settings& s) -> path& { return s.relay.state_dir; },
              "The relay's key and, with `tls_listen`, its certificate (0600)."),
          {"token_key", "a key: 32 octets in base64, 44 characters",
           "The control server whose tokens admit members; `lanrage control` prints it.\n"
           "`lanrage serve` knows its own.",
           "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", false,
           [](const value& found, settings& into) {
             const auto* given = std::get_if<std::string>(&found);
             const auto parsed = given ? net::token_public_key::parse(*given) : std::nullopt;
             if (parsed) into.relay.token_key = parsed;
             return parsed.has_value();
           },
           [](const settings& a, const settings& b) {
             return a.relay.token_key == b.relay.token_key;
           }},
          duration<seconds>(
              "lifetime", [](settings & s) -> auto& { return s.relay.lifetime; },
              2 * defaults::relay_renew + 1s, 24h,
              "A registration that nobody renews is kept this long: so long may a member's daemon\n"
              "be away before its relayed traffic stops."),
          number<std::uint32_t>(
              "rate_kbit_s", [](settings & s) -> auto& { return s.relay.rate_kbit_s; }, 1,
              std::numeric_limits<std::uint32_t>::max(),
              "Limit per member and direction, in kilobits per second."),
          log([](settings& s) -> log_level& { return s.relay.log; }),
      }};
  for (auto& each : tls_keys())
    out.keys.push_back(std::move(each));
  return out;
}

table control_table() {
  using path = std::filesystem::path;
  return {"control",
          "The rendezvous on a public machine: `lanrage control`, and as part of `lanrage serve`.",
          {
              text("listen", in_settings<net::endpoint>{[](settings& s) -> net::endpoint& {
                     return s.control.listen;
                   }},
                   "an address with a port to listen on, such as \"0.0.0.0:8443\"",
                   to_string(default_settings().control.listen), true,
                   "TCP address of the WebSocket (TLS).", listen_endpoint),
              text("public_host", in_settings<std::string>{[](settings& s) -> std::string& {
                     return s.control.public_host;
                   }},
                   "a host name or an IP address, without port", "lan.example.org", false,
                   "Name or address in the server line that members are given. Without it: the\n"
                   "address of `listen`, unless that is 0.0.0.0 or ::.",
                   host),
              directory(
                  "state_dir", [](settings& s) -> path& { return s.control.state_dir; },
                  "Keys (0600), certificate, and the database of parties, records and leases."),
              log([](settings& s) -> log_level& { return s.control.log; }),
          }};
}

} // namespace

const std::vector<table>& tables() {
  static const std::vector<table> all{daemon_table(), wireguard_table(), health_table(),
                                      lan_table(),    relay_table(),     control_table()};
  return all;
}

const std::vector<key<net::relay_info>>& relay_entry_keys() {
  using info = net::relay_info;
  static const std::vector<key<info>> all{
      text("name", place<info, std::string>{[](info& i) -> std::string& { return i.name; }},
           "1 to 32 printable characters without spaces", "relay2", false,
           "As in the relay's own [relay] table.", relay_name),
      text("address",
           place<info, net::endpoint>{[](info& i) -> net::endpoint& { return i.address; }},
           "an IP address with a port that members can reach", "203.0.113.6:51820", false,
           "Where members find it.", reachable_endpoint),
      {"address6", "an IPv6 address with a port that members can reach",
       "Where members that have IPv6 only find it; may be left out.", "\"[2001:db8::6]:51820\"",
       false,
       [](const value& found, info& into) {
         const auto* given = std::get_if<std::string>(&found);
         const auto where = given ? reachable_endpoint(*given) : std::nullopt;
         if (!where || where->address.is_v4()) return false;
         into.address6 = where;
         return true;
       },
       [](const info& a, const info& b) { return a.address6 == b.address6; }},
      text("key", place<info, net::relay_public_key>{[](info& i) -> net::relay_public_key& {
             return i.key;
           }},
           "a key: 32 octets in base64, 44 characters",
           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false,
           "The relay prints it when it starts.",
           [](const std::string& given) { return net::relay_public_key::parse(given); }),
      {"tls_port", "an integer from 1 to 65535",
       "Where TLS reaches it, if its tls_listen is set; may be left out, with tls_pin.", "443",
       false,
       [](const value& found, info& into) {
         const auto port = port_of(found);
         if (port) tls_of(into).port = *port;
         return port.has_value();
       },
       [](const info& a, const info& b) { return a.tls == b.tls; }},
      {"tls_pin", "a pin: 32 octets in base64, 44 characters",
       "SHA-256 of its certificate's key; the relay prints it when it starts.",
       "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", false,
       [](const value& found, info& into) {
         const auto* given = std::get_if<std::string>(&found);
         const auto pin = given ? net::certificate_pin::parse(*given) : std::nullopt;
         if (pin) tls_of(into).pin = *pin;
         return pin.has_value();
       },
       [](const info& a, const info& b) { return a.tls == b.tls; }},
      {"tls_name", "a host name", "As in the relay's own [relay] table; may be left out.",
       "\"relay2.example.org\"", false,
       [](const value& found, info& into) {
         const auto* given = std::get_if<std::string>(&found);
         const auto name = given ? tls_name(*given) : std::nullopt;
         if (name) tls_of(into).name = *name;
         return name.has_value();
       },
       [](const info& a, const info& b) { return a.tls == b.tls; }},
  };
  return all;
}

settings default_settings() {
  settings out;
  const auto any_v4 = net::ip_address::v4(0);
  out.relay.listen = {{any_v4, defaults::relay_port}, {net::ip_address{}, defaults::relay_port}};
  out.control.listen = {any_v4, defaults::control_port};
  return out;
}

std::vector<std::string> changed_keys(const settings& before, const settings& after) {
  std::vector<std::string> out;
  for (const auto& table : tables())
    for (const auto& each : table.keys)
      if (!each.same(before, after))
        out.push_back(std::string{table.name} + '.' + std::string{each.name});
  return out;
}

net::peer_id name_from_host(std::string_view host_name) {
  std::string name;
  for (const char c : host_name.substr(0, host_name.find('.'))) {
    const auto octet = static_cast<unsigned char>(c);
    name += std::isalnum(octet) && octet < 0x80 ? static_cast<char>(std::tolower(octet)) : '-';
    if (name == "-") name.clear();
    if (name.size() == 32) break;
  }
  while (!name.empty() && name.back() == '-')
    name.pop_back();
  return net::peer_id::parse(name).value_or(*net::peer_id::parse("member"));
}

} // namespace lanrage::config
