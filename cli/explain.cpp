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
using namespace std::chrono_literals;

bool flag_field(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

std::string checks_text(const json::object& path) {
  const auto& checks = object_field(path, "checks");
  const auto asked = count_field(checks, "asked");
  if (asked == 0) return "not checked";
  return std::to_string(asked - count_field(checks, "lost")) + " of " + std::to_string(asked) +
         " answered";
}

void print_path(table& shown, const json::object& path) {
  const auto relay = text_field(path, "relay");
  const auto in_use = flag_field(path, "in_use");
  shown.add(
      {{in_use ? "*" : ""},
       {(relay.empty() ? "direct" : relay) + over_tls(path), in_use ? style::strong : style::plain},
       {text_field(path, "endpoint")},
       {milliseconds_field(path, "rtt_ms")},
       {checks_text(path)},
       {text_field(path, "verdict")}});
}

} // namespace

exit_code explain_peer(const daemon_access& to, const std::string& peer,
                       const std::optional<std::string>& party) {
  json::object request{{"op", "explain"}, {"peer", peer}};
  if (party) request["party"] = *party;
  auto answered = ask_daemon(to.socket, request, 5s, to.json);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  auto& reply = std::get<json::object>(answered);
  if (to.json) {
    reply.stable_erase("ok");
    std::cout << to_line(reply) << '\n';
    return exit_code::done;
  }
  const bool colors = wants_colors();
  const auto text = describe_peer(object_field(reply, "peer"), std::chrono::system_clock::now());
  std::cout << styled(text.id, style::strong, colors) << " is "
            << styled(text.status, text.how, colors) << " via " << text.path << ": "
            << text_field(reply, "decision") << "\n\n";
  using align = table::align;
  table shown{{{""}, {"PATH"}, {"ADDRESS"}, {"RTT", align::right}, {"CHECKS"}, {"WHY"}}};
  const auto* paths = reply.if_contains("paths");
  std::string remedies;
  if (paths && paths->is_array())
    for (const auto& each : paths->get_array())
      if (const auto* path = each.if_object()) {
        print_path(shown, *path);
        const auto remedy = text_field(*path, "remedy");
        if (!remedy.empty()) remedies += "  " + remedy + '\n';
      }
  shown.print(std::cout, colors);
  if (!remedies.empty()) std::cout << "\nWhat would help:\n" << remedies;
  return exit_code::done;
}

} // namespace lanrage::cli
