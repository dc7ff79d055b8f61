#include "cli/netcheck.hpp"

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/local_client.hpp"
#include "cli/peer_text.hpp"
#include "cli/terminal.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <iostream>
#include <optional>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const json::array& list_field(const json::object& from, std::string_view name) {
  static const json::array nothing;
  const auto* value = from.if_contains(name);
  return value && value->is_array() ? value->get_array() : nothing;
}

std::string joined(const json::array& names) {
  std::string out;
  for (const auto& each : names)
    if (each.is_string())
      out += (out.empty() ? "" : ", ") + printable(std::string{each.get_string()});
  return out;
}

std::string yes_no_unknown(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  if (!value || !value->is_bool()) return "not measured";
  return value->get_bool() ? "yes" : "no";
}

/// 0 when it was not measured or there is none.
std::int64_t step_of(const json::object& nat) {
  const auto* value = nat.if_contains("port_delta");
  return value && value->is_int64() ? value->get_int64() : 0;
}

struct lifetime {
  std::int64_t at_least = 0;
  std::optional<std::int64_t> below;
};
/// Of an idle mapping, in seconds; absent: not measured.
std::optional<lifetime> lifetime_of(const json::object& nat) {
  const auto* value = nat.if_contains("lifetime");
  if (!value || !value->is_object()) return std::nullopt;
  const auto* below = value->get_object().if_contains("below_s");
  return lifetime{static_cast<std::int64_t>(count_field(value->get_object(), "at_least_s")),
                  below && below->is_int64() ? std::optional{below->get_int64()} : std::nullopt};
}
std::string lifetime_text(const json::object& nat) {
  const auto life = lifetime_of(nat);
  if (!life) return "lifetime not measured yet";
  if (!life->below) return "live at least " + std::to_string(life->at_least) + " s";
  const auto below = std::to_string(*life->below) + " s";
  return life->at_least == 0 ? "live less than " + below
                             : "live between " + std::to_string(life->at_least) + " and " + below;
}

void print_nat(const json::object& nat, bool colors) {
  if (nat.empty()) {
    std::cout << "  NAT         " << styled("no relay has answered", style::warning, colors)
              << '\n';
    return;
  }
  const auto step = step_of(nat);
  std::cout << "  NAT         " << text_field(nat, "type") << " (mapping "
            << text_field(nat, "mapping") << ", filtering " << text_field(nat, "filtering") << ")\n"
            << "  seen at     " << text_field(nat, "mapped") << '\n'
            << "  keeps ports " << yes_no_unknown(nat, "ports_preserved") << '\n'
            << "  new ports   "
            << (step == 0 ? std::string{"no pattern"}
                          : "follow each other by " + std::to_string(step))
            << '\n'
            << "  hairpins    " << yes_no_unknown(nat, "hairpin") << '\n'
            << "  mappings    " << lifetime_text(nat) << '\n';
  const auto& ports = list_field(nat, "port_mappings");
  if (ports.empty()) std::cout << "  port mapping none\n";
  for (const auto& each : ports)
    if (const auto* port = each.if_object())
      std::cout << "  port mapping " << text_field(*port, "outside") << " by "
                << text_field(*port, "protocol") << '\n';
}

void print_lan(const json::object& self) {
  std::cout << "  network     ";
  const auto* lan = self.if_contains("lan");
  if (!lan || !lan->is_object()) {
    std::cout << "members are not looked for here (lan.enabled)\n";
    return;
  }
  const auto on = joined(list_field(lan->get_object(), "interfaces"));
  const auto near = joined(list_field(lan->get_object(), "near"));
  if (on.empty())
    std::cout << "no interface for multicast\n";
  else
    std::cout << (near.empty() ? "no member found" : near) << " on " << on << '\n';
}

void print(const json::object& self) {
  const bool colors = wants_colors();
  std::cout << styled(text_field(self, "peer_id"), style::strong, colors) << ", UDP port "
            << count_field(self, "listen_port") << '\n';
  print_nat(object_field(self, "nat"), colors);
  std::cout << "  IPv6        " << (has_ipv6(self) ? "yes" : "no") << '\n';
  print_lan(self);
  for (const auto& each : list_field(self, "candidates"))
    if (const auto* candidate = each.if_object())
      std::cout << "  candidate   " << text_field(*candidate, "address") << "  "
                << text_field(*candidate, "kind") << '\n';
  for (const auto& each : list_field(self, "relays"))
    if (const auto* relay = each.if_object())
      std::cout << "  relay       " << text_field(*relay, "name") << ' '
                << text_field(*relay, "endpoint") << over_tls(*relay) << "  "
                << milliseconds_field(*relay, "rtt_ms") << '\n';
  std::cout << netcheck_advice(self) << '\n';
}

json::object as_json(const json::object& self) {
  json::object out;
  for (const char* name : {"nat", "candidates", "relays", "lan", "control"})
    if (const auto* value = self.if_contains(name)) out[name] = *value;
  out["ipv6"] = has_ipv6(self);
  out["advice"] = netcheck_advice(self);
  return out;
}

} // namespace

bool has_ipv6(const json::object& self) {
  const auto& all = list_field(self, "candidates");
  return std::any_of(all.begin(), all.end(), [](const json::value& each) {
    const auto* candidate = each.if_object();
    const auto address = candidate ? text_field(*candidate, "address") : std::string{};
    return address.starts_with("[2") || address.starts_with("[3"); // 2000::/3
  });
}

std::string netcheck_advice(const json::object& self) {
  if (list_field(self, "parties").empty())
    return "Join a party first (lanrage party join INVITE): its relays are what this measures "
           "with.";
  const auto& nat = object_field(self, "nat");
  const auto& relays = list_field(self, "relays");
  if (std::any_of(relays.begin(), relays.end(), [](const json::value& each) {
        const auto* relay = each.if_object();
        return relay && !over_tls(*relay).empty();
      }))
    return "UDP is blocked here, so everything goes through a relay over TLS (TCP): let outgoing "
           "UDP through this network's firewall for direct and faster connections.";
  if (nat.empty())
    return text_field(self, "control") == "connected"
               ? "No relay answers over UDP: let outgoing UDP through this network's firewall."
               : "Neither the control server nor a relay answers: is this machine online? Members "
                 "on the same network are found all the same.";
  const auto type = text_field(nat, "type");
  if (type == "open" || type == "full cone" || !list_field(nat, "port_mappings").empty())
    return "Direct connections with everybody are likely.";
  if (const auto life = lifetime_of(nat); life && life->at_least == 0)
    return "This NAT forgets connections that are idle for 25 s, as WireGuard's may be, so direct "
           "ones "
           "may break: raise the router's timeout for UDP.";
  const std::string remedy = has_ipv6(self) ? "with IPv6 on both sides there are none of these"
                                            : "turn on UPnP or PCP on the router, or IPv6";
  if (type == "symmetric")
    return step_of(nat) != 0
               ? "Direct is likely with all but symmetric peers: this NAT's ports can be guessed."
               : "Direct with port-restricted and symmetric peers is unlikely: " + remedy + '.';
  return "Direct is likely with all but symmetric peers; for those, " + remedy + '.';
}

exit_code netcheck(const daemon_access& to) {
  auto answered = ask_daemon(to.socket, json::object{{"op", "status"}}, 5s, to.json);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  const auto& self = object_field(std::get<json::object>(answered), "self");
  if (to.json)
    std::cout << to_line(as_json(self)) << '\n';
  else
    print(self);
  return exit_code::done;
}

} // namespace lanrage::cli
