#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/local_client.hpp"
#include "cli/peer_text.hpp"

#include <iostream>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// What the daemon may take beyond what it was asked to wait.
constexpr auto margin = 5s;

} // namespace

exit_code connect_peer(const daemon_access& to, const connect_options& what) {
  json::object request{{"op", "connect"}, {"peer", what.peer}, {"wait_ms", what.wait.count()}};
  if (what.party) request["party"] = *what.party;
  const auto answered = ask_daemon(to.socket, request, what.wait + margin, to.json);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  const auto& peer = object_field(std::get<json::object>(answered), "peer");
  if (to.json) {
    std::cout << to_line(peer) << '\n';
    return exit_code::done;
  }
  const auto text = describe_peer(peer, std::chrono::system_clock::now());
  std::cout << text.id << "  " << text.address << "  " << text.status << "  " << text.path << "  "
            << text.latency << '\n';
  return exit_code::done;
}

exit_code disconnect_peer(const daemon_access& to, const std::string& peer,
                          const std::optional<std::string>& party) {
  json::object request{{"op", "disconnect"}, {"peer", peer}};
  if (party) request["party"] = *party;
  const auto answered = ask_daemon(to.socket, request, 10s, to.json);
  if (const auto* failed = std::get_if<exit_code>(&answered)) return *failed;
  std::cout << (to.json ? "{\"ok\":true}\n" : "disconnected\n");
  return exit_code::done;
}

} // namespace lanrage::cli
