#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/local_client.hpp"
#include "cli/peer_text.hpp"
#include "cli/terminal.hpp"

#include <boost/json/array.hpp>

#include <iostream>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using std::chrono::system_clock;
using namespace std::chrono_literals;

const json::array& array_field(const json::object& from, std::string_view name) {
  static const json::array nothing;
  const auto* value = from.if_contains(name);
  return value && value->is_array() ? value->get_array() : nothing;
}

std::string join(const json::array& texts) {
  std::string out;
  for (const auto& each : texts)
    if (each.is_string())
      out += (out.empty() ? "" : ", ") + printable(std::string{each.get_string()});
  return out;
}

void print_self(const json::object& self, bool colors) {
  const auto address = text_field(self, "virtual_ip");
  std::cout << styled(text_field(self, "peer_id"), style::strong, colors) << "  "
            << (address.empty() ? "no address yet" : address) << " on "
            << text_field(self, "interface") << ", UDP port " << count_field(self, "listen_port")
            << '\n';
  const auto parties = join(array_field(self, "parties"));
  const auto control = text_field(self, "control");
  std::cout << "  parties  " << (parties.empty() ? "none: lanrage party join INVITE" : parties)
            << '\n'
            << "  control  "
            << styled(control, control == "connected" ? style::plain : style::warning, colors)
            << '\n';
  if (const auto& nat = object_field(self, "nat"); !nat.empty()) {
    const auto* translated = nat.if_contains("translated");
    const bool behind = translated && translated->is_bool() && translated->get_bool();
    std::cout << "  NAT      "
              << (behind ? "mapping " + text_field(nat, "mapping") + ", filtering " +
                               text_field(nat, "filtering")
                         : "none: this address is public")
              << '\n';
  }
  const auto near = join(array_field(object_field(self, "lan"), "near"));
  if (!near.empty()) std::cout << "  network  shared with " << near << '\n';
  for (const auto& each : array_field(self, "relays"))
    if (const auto* relay = each.if_object())
      std::cout << "  relay    " << text_field(*relay, "name") << ' '
                << text_field(*relay, "endpoint") << "  " << milliseconds_field(*relay, "rtt_ms")
                << '\n';
}

void print_peers(const json::array& peers, bool colors) {
  if (peers.empty()) {
    std::cout << "no connections\n";
    return;
  }
  using align = table::align;
  table shown{{{"PEER"},
               {"ADDRESS"},
               {"STATUS"},
               {"VIA"},
               {"LATENCY", align::right},
               {"SINCE", align::right},
               {"REASON"}}};
  for (const auto& each : peers) {
    const auto* peer = each.if_object();
    if (!peer) continue;
    const auto text = describe_peer(*peer, system_clock::now());
    shown.add({{text.id, style::strong},
               {text.address},
               {text.status, text.how},
               {text.path},
               {text.latency},
               {text.since},
               {text.reason, style::faint}});
  }
  shown.print(std::cout, colors);
}

void print_peer(const json::object& peer, bool colors) {
  const auto text = describe_peer(peer, system_clock::now());
  const auto& counters = object_field(peer, "counters");
  std::cout << styled(text.id, style::strong, colors) << "  " << text.address << '\n'
            << "  status    " << styled(text.status, text.how, colors) << '\n'
            << "  via       " << text.path << '\n'
            << "  latency   " << text.latency << '\n'
            << "  since     " << text.since << '\n';
  if (!text.reason.empty()) std::cout << "  reason    " << text.reason << '\n';
  std::cout << "  checks    " << count_field(counters, "checks") << ", lost "
            << count_field(counters, "lost") << '\n'
            << "  repairs   " << count_field(counters, "reconnects") << '\n'
            << "  switches  " << count_field(counters, "relay_switches") << " of relay, "
            << count_field(counters, "path_changes") << " of path\n";
}

} // namespace

exit_code show_status(const daemon_access& to, const std::optional<std::string>& peer,
                      const std::optional<std::string>& party) {
  json::object request{{"op", "status"}};
  if (peer) request["peer"] = *peer;
  if (peer && party) request["party"] = *party;
  auto answered = ask_daemon(to.socket, request, 5s, to.json);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  auto& reply = std::get<json::object>(answered);

  if (to.json) {
    reply.stable_erase("ok");
    std::cout << to_line(peer ? object_field(reply, "peer") : reply) << '\n';
    return exit_code::done;
  }
  const bool colors = wants_colors();
  if (peer) {
    print_peer(object_field(reply, "peer"), colors);
  } else {
    print_self(object_field(reply, "self"), colors);
    std::cout << '\n';
    print_peers(array_field(reply, "peers"), colors);
  }
  return exit_code::done;
}

} // namespace lanrage::cli
