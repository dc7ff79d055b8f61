#include "cli/commands.hpp"
#include "cli/service.hpp"
#include "net/control/server.hpp"
#include "net/os/log.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace lanrage::cli {
namespace {

namespace json = boost::json;

void announce(const net::control::control_server& server, bool as_json) {
  const auto listen = to_string(server.listening());
  const auto line = to_string(server.line());
  const auto token = to_string(server.token_key());
  if (as_json)
    return print_ready(
        json::serialize(json::object{
            {"control", "ready"}, {"listen", listen}, {"server_line", line}, {"token_key", token}}),
        "");
  print_ready(line, "control server on " + listen + "\nrelay.token_key of its relays: " + token +
                        "\nserver line (no secret), for `lanrage party create NAME --server "
                        "LINE`:\n");
}

} // namespace

exit_code control(const config::control_settings& settings, bool as_json) {
  net::os::log_to_stderr(settings.log);
  const service_signals signals;
  const auto server = net::control::control_server::start(settings);
  if (!server) return report(to_failure(server.error()), as_json);
  announce(**server, as_json);
  signals.wait([&] { (*server)->report(); }, [&] { return (*server)->failed().has_value(); });
  if (const auto failed = (*server)->failed()) return report(to_failure(*failed), as_json);
  return exit_code::done;
}

} // namespace lanrage::cli
