#include "cli/commands.hpp"
#include "cli/service.hpp"
#include "net/os/log.hpp"
#include "net/relay/server.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace lanrage::cli {
namespace {

namespace json = boost::json;

json::value tls_json(const net::relay_info& self) {
  if (!self.tls) return nullptr;
  return json::object{{"port", self.tls->port}, {"pin", to_string(self.tls->pin)}};
}

std::string tls_text(const net::relay_info& self) {
  if (!self.tls) return "";
  return ", TLS port " + std::to_string(self.tls->port) + ", pin " + to_string(self.tls->pin);
}

void announce(const net::relay::server& relay, bool as_json) {
  const auto self = relay.info();
  json::array listen;
  std::string list;
  for (const auto& where : relay.local_endpoints()) {
    listen.emplace_back(to_string(where));
    list += ' ' + to_string(where);
  }
  if (as_json)
    return print_ready(json::serialize(json::object{{"relay", "ready"},
                                                    {"name", self.name},
                                                    {"address", to_string(self.address)},
                                                    {"key", to_string(self.key)},
                                                    {"id", to_string(relay.id())},
                                                    {"tls", tls_json(self)},
                                                    {"listen", std::move(listen)}}),
                       "");
  print_ready("relay " + self.name + " at " + to_string(self.address) + ", key " +
                  to_string(self.key) + ", id " + to_string(relay.id()) + ", listening on" + list +
                  tls_text(self),
              "");
}

} // namespace

exit_code relay(const config::relay_settings& settings, bool as_json) {
  if (!settings.token_key)
    return report(to_failure(net::fail(net::errc::bad_config,
                                       "relay.token_key is not set: whose tokens count is the key "
                                       "that `lanrage control` prints")),
                  as_json);
  net::os::log_to_stderr(settings.log);
  const service_signals signals;
  const auto opened = net::relay::server::open(settings, *settings.token_key);
  if (!opened) return report(to_failure(opened.error()), as_json);
  announce(**opened, as_json);
  running_relay running{**opened};
  signals.wait([&] { (*opened)->report(); }, [&] { return running.ended(); });
  return running.ended() ? exit_code::failed : exit_code::done;
}

} // namespace lanrage::cli
