#include "cli/commands.hpp"
#include "cli/service.hpp"
#include "net/control/server.hpp"
#include "net/os/log.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using net::control::control_server;

json::value tls_port(const net::relay_info& relay) {
  return relay.tls ? json::value(relay.tls->port) : json::value(nullptr);
}

void announce(const control_server& control, const net::relay_info& relay, bool as_json) {
  const auto line = to_string(control.line());
  if (as_json)
    return print_ready(json::serialize(json::object{{"serve", "ready"},
                                                    {"listen", to_string(control.listening())},
                                                    {"server_line", line},
                                                    {"token_key", to_string(control.token_key())},
                                                    {"relay", relay.name},
                                                    {"relay_address", to_string(relay.address)},
                                                    {"relay_key", to_string(relay.key)},
                                                    {"relay_tls_port", tls_port(relay)}}),
                       "");
  print_ready(
      line,
      "control server on " + to_string(control.listening()) + ", relay " + relay.name + " on " +
          to_string(relay.address) +
          (relay.tls ? ", for members without UDP on TCP " + std::to_string(relay.tls->port) : "") +
          "\nserver line (no secret), for `lanrage party create NAME --server "
          "LINE`:\n");
}

} // namespace

exit_code serve(const config::settings& settings, bool as_json) {
  if (!settings.relay.public_address)
    return report(to_failure(net::fail(net::errc::bad_config,
                                       "relay.public_address is not set: members must be told "
                                       "where the relay is")),
                  as_json);
  if (settings.relay.state_dir == settings.control.state_dir)
    return report(to_failure(net::fail(net::errc::bad_config,
                                       "relay.state_dir and control.state_dir are the same folder: "
                                       "each has its own counters.json")),
                  as_json);
  // One log for both: the more talkative of the two settings.
  net::os::log_to_stderr(std::min(settings.control.log, settings.relay.log));
  const service_signals signals;
  const auto control = control_server::start(settings.control);
  if (!control) return report(to_failure(control.error()), as_json);
  const auto relay = net::relay::server::open(settings.relay, (*control)->token_key());
  if (!relay) return report(to_failure(relay.error()), as_json);

  auto relays = settings.control.relays;
  auto own = (*relay)->info();
  if (settings.relay.tls) {
    (*control)->set_guest((*relay)->guest());
    if (!own.tls) own.tls = (*relay)->tls_at((*control)->listening().port, (*control)->pin());
  }
  relays.insert(relays.begin(), std::move(own));
  (*control)->set_relays(relays);
  announce(**control, relays.front(), as_json);

  running_relay running{**relay};
  const auto report_both = [&] {
    (*control)->report();
    (*relay)->report();
  };
  signals.wait(report_both, [&] { return running.ended() || (*control)->failed(); });
  if (const auto failed = (*control)->failed()) return report(to_failure(*failed), as_json);
  return running.ended() ? exit_code::failed : exit_code::done;
}

} // namespace lanrage::cli
