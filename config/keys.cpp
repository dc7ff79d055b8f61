#include "config/keys.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <concepts>
#include <limits>
#include <utility>

namespace lanrage::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

constexpr std::size_t interface_octets_max = 15; // IFNAMSIZ less its end
constexpr std::size_t socket_octets_max = 107;   // sockaddr_un::sun_path less its end
constexpr int mtu_min = 1280;                    // IPv6's least (RFC 8200 section 5)
constexpr int mtu_max = 9000;

/// Where a key's value lives. Captureless, so that a key is a line of a table.
template <class Target, class T>
using place = T& (*)(Target&);

template <class T>
using in_settings = place<settings, T>;

const settings& shown_settings() {
  static const settings values = default_settings();
  return values;
}

template <class T>
T default_of(in_settings<T> at) {
  settings copy = shown_settings();
  return at(copy);
}

key<settings> flag(std::string_view name, in_settings<bool> at, std::string_view help) {
  return {name,
          "true or false",
          help,
          default_of(at) ? "true" : "false",
          true,
          [at](const value& found, settings& into) {
            const auto* given = std::get_if<bool>(&found);
            if (given) at(into) = *given;
            return given != nullptr;
          }};
}

template <std::integral T>
key<settings> number(std::string_view name, in_settings<T> at, std::int64_t min, std::int64_t max,
                     std::string_view help) {
  return {name,
          "an integer from " + std::to_string(min) + " to " + std::to_string(max),
          help,
          std::to_string(default_of(at)),
          true,
          [at, min, max](const value& found, settings& into) {
            const auto* given = std::get_if<std::int64_t>(&found);
            if (!given || *given < min || *given > max) return false;
            at(into) = static_cast<T>(*given);
            return true;
          }};
}

template <class Duration>
key<settings> duration(std::string_view name, in_settings<Duration> at, milliseconds min,
                       milliseconds max, std::string_view help) {
  const bool whole_seconds = std::same_as<Duration, seconds>;
  return {name,
          std::string{"a duration with its unit, such as "} +
              (whole_seconds ? "\"30s\" or \"5m\"" : "\"30s\" or \"250ms\"") + ", from " +
              show_duration(min) + " to " + show_duration(max),
          help,
          toml_string(show_duration(default_of(at))),
          true,
          [at, min, max](const value& found, settings& into) {
            const auto* text = std::get_if<std::string>(&found);
            const auto given = text ? parse_duration(*text) : std::nullopt;
            if (!given || *given < min || *given > max) return false;
            const auto exact = std::chrono::duration_cast<Duration>(*given);
            if (exact != *given) return false;
            at(into) = exact;
            return true;
          }};
}

/// A string that `make` turns into the value; absent: not acceptable.
template <class Target, class T, class Make>
key<Target> text(std::string_view name, place<Target, T> at, std::string expected,
                 std::string shown, bool has_default, std::string_view help, Make make) {
  return {name,
          std::move(expected),
          help,
          toml_string(shown),
          has_default,
          [at, make](const value& found, Target& into) {
            const auto* given = std::get_if<std::string>(&found);
            auto made = given ? make(*given) : decltype(make(std::string{})){};
            if (!made) return false;
            at(into) = *std::move(made);
            return true;
          }};
}

std::optional<std::filesystem::path> absolute_path(const std::string& given) {
  const std::filesystem::path path{given};
  if (!path.is_absolute() || given.find('\0') != std::string::npos) return std::nullopt;
  return path;
}

std::optional<std::filesystem::path> socket_path(const std::string& given) {
  return given.size() <= socket_octets_max ? absolute_path(given) : std::nullopt;
}

key<settings> directory(std::string_view name, in_settings<std::filesystem::path> at,
                        std::string_view help) {
  return text(name, at, "an absolute path", default_of(at).string(), true, help, absolute_path);
}

constexpr std::array<std::pair<std::string_view, log_level>, 5> levels{
    {{"trace", log_level::trace},
     {"debug", log_level::debug},
     {"info", log_level::info},
     {"warn", log_level::warn},
     {"error", log_level::error}}};

key<settings> log(in_settings<log_level> at) {
  return text("log", at, "one of \"trace\", \"debug\", \"info\", \"warn\", \"error\"", "info", true,
              "How much is logged.", [](const std::string& given) -> std::optional<log_level> {
                for (const auto& [name, level] : levels)
                  if (given == name) return level;
                return std::nullopt;
              });
}

bool printable_name(std::string_view given, std::size_t octets_max) {
  return !given.empty() && given.size() <= octets_max &&
         std::all_of(given.begin(), given.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::optional<std::string> relay_name(const std::string& given) {
  return printable_name(given, 32) ? std::optional{given} : std::nullopt;
}

std::optional<std::string> interface_name(const std::string& given) {
  const bool usable = printable_name(given, interface_octets_max) && given != "." &&
                      given != ".." && given.find('/') == std::string::npos &&
                      given.find(':') == std::string::npos;
  return usable ? std::optional{given} : std::nullopt;
}

/// What one listens on: the address may be 0.0.0.0 or ::, the port may not be 0.
std::optional<net::endpoint> listen_endpoint(const std::string& given) {
  const auto where = net::endpoint::parse(given);
  return where && where->port != 0 ? where : std::nullopt;
}

/// What others are told: neither 0.0.0.0 nor port 0.
std::optional<net::endpoint> reachable_endpoint(const std::string& given) {
  const auto where = net::endpoint::parse(given);
  return where && where->valid() ? where : std::nullopt;
}

key<settings> listen_list(std::string_view name, in_settings<std::vector<net::endpoint>> at,
                          std::string_view help) {
  std::string shown;
  for (const auto& where : default_of(at))
    shown += (shown.empty() ? "" : ", ") + toml_string(to_string(where));
  return {name,
          "addresses with ports to listen on, such as [\"0.0.0.0:51820\", \"[::]:51820\"]",
          help,
          "[" + shown + "]",
          true,
          [at](const value& found, settings& into) {
            std::vector<std::string> texts;
            if (const auto* one = std::get_if<std::string>(&found)) texts = {*one};
            if (const auto* many = std::get_if<std::vector<std::string>>(&found)) texts = *many;
            std::vector<net::endpoint> all;
            for (const auto& given : texts) {
              const auto where = listen_endpoint(given);
              if (!where || std::find(all.begin(), all.end(), *where) != all.end()) return false;
              all.push_back(*where);
            }
            if (all.empty()) return false;
            at(into) = std::move(all);
            return true;
          }};
}

table daemon_table() {
  using path = std::filesystem::path;
  return {
      "daemon", "A member's machine: `lanrage daemon`.",
      {text("name", in_settings<net::peer_id>{[](settings & s) -> auto& {return s.daemon.name;}},
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
       log([](settings& s) -> log_level& { return s.daemon.log; }),
       {"seed", "an integer from 0",
        "All randomness of the actors follows from it. Without it: "
        "drawn from the system\nand logged.",
        "1", false, [](const value& found, settings& into) {
          const auto* given = std::get_if<std::int64_t>(&found);
          if (!given || *given < 0) return false;
          into.daemon.seed = static_cast<std::uint64_t>(*given);
          return true;
        }},
}
}; // namespace
} // namespace lanrage::config

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

table relay_table() {
  using path = std::filesystem::path;
  using endpoint = net::endpoint;
  return {
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
          {"public_address", "an IP address with a port that members can reach",
           "Where members find this relay. Needed by `lanrage serve`.", "\"203.0.113.5:51820\"",
           false,
           [](const value& found, settings& into) {
             const auto* given = std::get_if<std::string>(&found);
             const auto where = given ? reachable_endpoint(*given) : std::nullopt;
             if (where) into.relay.public_address = where;
             return where.has_value();
           }},
          directory(
              "state_dir", [](settings& s) -> path& { return s.relay.state_dir; },
              "The relay's key (0600)."),
          {"token_key", "a key: 32 octets in base64, 44 characters",
           "The control server whose tokens admit members; `lanrage control` prints it.\n"
           "`lanrage serve` knows its own.",
           "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", false,
           [](const value& found, settings& into) {
             const auto* given = std::get_if<std::string>(&found);
             const auto parsed = given ? net::token_public_key::parse(*given) : std::nullopt;
             if (parsed) into.relay.token_key = parsed;
             return parsed.has_value();
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
                   to_string(shown_settings().control.listen), true,
                   "TCP address of the WebSocket (TLS).", listen_endpoint),
              text("public_host", in_settings<std::string>{[](settings& s) -> std::string& {
                     return s.control.public_host;
                   }},
                   "a host name or an IP address, without port", "lan.example.org", false,
                   "Name or address in the server line that members are given. Without it: the\n"
                   "address of `listen`, unless that is 0.0.0.0 or ::.",
                   [](const std::string& given) -> std::optional<std::string> {
                     if (net::ip_address::parse(given)) return given;
                     const bool name = printable_name(given, 253) &&
                                       std::all_of(given.begin(), given.end(), [](unsigned char c) {
                                         return std::isalnum(c) || c == '-' || c == '.';
                                       });
                     return name ? std::optional{given} : std::nullopt;
                   }),
              directory(
                  "state_dir", [](settings& s) -> path& { return s.control.state_dir; },
                  "Keys (0600), certificate, and the database of parties, records and leases."),
              log([](settings& s) -> log_level& { return s.control.log; }),
          }};
}

} // namespace

const std::vector<table>& tables() {
  static const std::vector<table> all{daemon_table(), wireguard_table(), health_table(),
                                      relay_table(), control_table()};
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
      text("key", place<info, net::relay_public_key>{[](info& i) -> net::relay_public_key& {
             return i.key;
           }},
           "a key: 32 octets in base64, 44 characters",
           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false,
           "The relay prints it when it starts.",
           [](const std::string& given) { return net::relay_public_key::parse(given); }),
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
