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

void print_peer(std::string_view time, const json::object& event, const json::object& peer,
                bool colors) {
  const auto text = describe_peer(peer, system_clock::now());
  const auto from = text_field(event, "from");
  const auto to = text_field(event, "to");
  const auto why = text_field(event, "why");
  std::cout << time << "  " << styled(text.id, style::strong, colors) << "  "
            << (from.empty() || from == to ? "" : from + " -> ")
            << styled(to.empty() ? text.status : to, text.how, colors) << "  " << text.path << "  "
            << text.latency;
  if (!why.empty()) std::cout << "  (" << why << ')';
  std::cout << '\n';
}

/// One line per event; what a newer daemon says is shown by its name.
void print_event(const json::object& event, bool colors) {
  const auto kind = text_field(event, "event");
  // "2026-01-29T12:00:00.412Z": people who watch know the day.
  const auto at = text_field(event, "at");
  const auto time = at.size() > 12 ? at.substr(11, at.size() - 12) : at;
  if (kind == "snapshot") {
    const auto* peers = event.if_contains("peers");
    if (peers && peers->is_array())
      for (const auto& peer : peers->get_array())
        if (peer.is_object()) print_peer(time, event, peer.get_object(), colors);
  } else if (kind == "peer") {
    print_peer(time, event, object_field(event, "peer"), colors);
  } else if (kind == "gone") {
    std::cout << time << "  " << text_field(event, "peer_id") << "  gone  ("
              << text_field(event, "why") << ")\n";
  } else if (kind == "self") {
    std::cout << time << "  this machine  " << text_field(event, "why") << '\n';
  } else if (kind == "lagged") {
    std::cout << time << "  "
              << styled(std::to_string(count_field(event, "missed")) + " events missed",
                        style::warning, colors)
              << '\n';
  } else {
    std::cout << time << "  " << kind << '\n';
  }
}

} // namespace

exit_code watch(const daemon_access& to) {
  auto opened = local_client::open(to.socket);
  if (const auto* wrong = std::get_if<failure>(&opened)) return report(*wrong, to.json);
  auto& daemon = std::get<local_client>(opened);
  if (const auto wrong = daemon.send({{"op", "watch"}})) return report(*wrong, to.json);

  const bool colors = wants_colors();
  while (std::cout) {
    auto heard = daemon.next();
    if (const auto* wrong = std::get_if<failure>(&heard)) return report(*wrong, to.json);
    const auto& event = std::get<std::optional<json::object>>(heard);
    if (!event)
      return report(to_failure(net::fail(net::errc::daemon_not_running, "it has just ended")),
                    to.json);
    if (to.json)
      std::cout << to_line(*event) << '\n';
    else
      print_event(*event, colors);
    std::cout.flush();
  }
  return exit_code::done; // whoever read our output has gone
}

} // namespace lanrage::cli
