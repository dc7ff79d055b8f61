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

/// The server may have to be reached first, which takes its own deadlines.
constexpr auto server_answer = 20s;

/// Asks; with --json prints the reply without "ok". Nothing when it failed.
std::variant<json::object, exit_code> ask(const daemon_access& to, const json::object& request,
                                          std::chrono::milliseconds within) {
  auto answered = ask_daemon(to.socket, request, within, to.json);
  if (auto* reply = std::get_if<json::object>(&answered); reply && to.json) {
    auto shown = *reply;
    // "ok" alone is the whole answer of some requests: then it stays.
    if (shown.size() > 1) shown.stable_erase("ok");
    std::cout << to_line(shown) << '\n';
  }
  return answered;
}

} // namespace

exit_code party_create(const daemon_access& to, const std::string& name,
                       const std::string& server) {
  const auto answered =
      ask(to, {{"op", "party_create"}, {"name", name}, {"server", server}}, server_answer);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (to.json) return exit_code::done;
  // The invite alone on standard output, so that it can be piped to where it belongs.
  std::cerr << "Created. Everybody with this invite can join, so send it as you would a "
               "password:\n";
  std::cout << text_field(std::get<json::object>(answered), "invite") << '\n';
  return exit_code::done;
}

exit_code party_join(const daemon_access& to, const std::string& invite) {
  const auto answered = ask(to, {{"op", "party_join"}, {"invite", invite}}, server_answer);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (to.json) return exit_code::done;
  const auto& party = object_field(std::get<json::object>(answered), "party");
  std::cout << "joined " << text_field(party, "name") << " (" << count_field(party, "members")
            << " members)\n";
  return exit_code::done;
}

exit_code party_invite(const daemon_access& to, const std::string& party) {
  const auto answered = ask(to, {{"op", "party_invite"}, {"party", party}}, 5s);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (!to.json) std::cout << text_field(std::get<json::object>(answered), "invite") << '\n';
  return exit_code::done;
}

exit_code party_leave(const daemon_access& to, const std::string& party) {
  const auto answered = ask(to, {{"op", "party_leave"}, {"party", party}}, server_answer);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (!to.json) std::cout << "left " << printable(party) << '\n';
  return exit_code::done;
}

exit_code party_forget(const daemon_access& to, const std::string& peer,
                       const std::optional<std::string>& party) {
  json::object request{{"op", "party_forget"}, {"peer", peer}};
  if (party) request["party"] = *party;
  const auto answered = ask(to, request, server_answer);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (!to.json) std::cout << "forgot " << printable(peer) << "; its name is free\n";
  return exit_code::done;
}

exit_code party_list(const daemon_access& to) {
  const auto answered = ask(to, {{"op", "party_list"}}, 5s);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (to.json) return exit_code::done;
  const auto* parties = std::get<json::object>(answered).if_contains("parties");
  if (!parties || !parties->is_array() || parties->get_array().empty()) {
    std::cout << "in no party\n";
    return exit_code::done;
  }
  table shown{{{"PARTY"}, {"MEMBERS", table::align::right}, {"SERVER"}, {"STATE"}}};
  for (const auto& each : parties->get_array()) {
    const auto* party = each.if_object();
    if (!party) continue;
    const auto* flag = party->if_contains("connected");
    const bool connected = flag && flag->is_bool() && flag->get_bool();
    shown.add({{text_field(*party, "name"), style::strong},
               {std::to_string(count_field(*party, "members"))},
               {text_field(*party, "server")},
               {connected ? "connected" : "waiting for the server",
                connected ? style::good : style::warning}});
  }
  shown.print(std::cout, wants_colors());
  return exit_code::done;
}

exit_code key_rotate(const daemon_access& to) {
  const auto answered = ask(to, {{"op", "key_rotate"}}, server_answer);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  if (!to.json)
    std::cout << "new key " << text_field(std::get<json::object>(answered), "public_key")
              << "; name and address stay\n";
  return exit_code::done;
}

} // namespace lanrage::cli
