#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/local_client.hpp"
#include "cli/peer_text.hpp"
#include "cli/terminal.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <iostream>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

bool flag_field(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

std::string answered_text(std::uint64_t answered, std::uint64_t asked) {
  return std::to_string(answered) + " of " + std::to_string(asked) + " answered";
}

std::string checks_text(const json::object& path) {
  const auto& checks = object_field(path, "checks");
  const auto asked = count_field(checks, "asked");
  return asked == 0 ? "not checked" : answered_text(asked - count_field(checks, "lost"), asked);
}

std::string probes_text(const json::object& candidate) {
  const auto& probes = object_field(candidate, "probes");
  const auto sent = count_field(probes, "sent");
  return sent == 0 ? "not probed" : answered_text(count_field(probes, "answered"), sent);
}

std::string kind_text(const json::object& candidate) {
  auto kind = text_field(candidate, "kind");
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return kind;
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

void print_candidate(table& shown, const json::object& candidate) {
  const auto in_use = flag_field(candidate, "in_use");
  shown.add({{in_use ? "*" : ""},
             {text_field(candidate, "address"), in_use ? style::strong : style::plain},
             {kind_text(candidate)},
             {milliseconds_field(candidate, "rtt_ms")},
             {probes_text(candidate)},
             {text_field(candidate, "verdict")}});
}

/// Each object of a list, and gathers what would help. Whether there was any.
template <class Print>
bool print_each(const json::object& reply, std::string_view name, std::string& remedies,
                Print print) {
  const auto* list = reply.if_contains(name);
  if (!list || !list->is_array() || list->get_array().empty()) return false;
  for (const auto& each : list->get_array())
    if (const auto* one = each.if_object()) {
      print(*one);
      const auto remedy = text_field(*one, "remedy");
      if (!remedy.empty()) remedies += "  " + remedy + '\n';
    }
  return true;
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
  table tried{{{""}, {"ADDRESS"}, {"KIND"}, {"RTT", align::right}, {"PROBES"}, {"WHY"}}};
  std::string remedies;
  print_each(reply, "paths", remedies, [&](const auto& one) { print_path(shown, one); });
  shown.print(std::cout, colors);
  if (print_each(reply, "candidates", remedies,
                 [&](const auto& one) { print_candidate(tried, one); })) {
    std::cout << "\nThe peer's addresses, by the last attempt at a direct path:\n";
    tried.print(std::cout, colors);
  }
  if (!remedies.empty()) std::cout << "\nWhat would help:\n" << remedies;
  return exit_code::done;
}

} // namespace lanrage::cli
