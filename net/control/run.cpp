#include "net/control/run.hpp"

#include "net/control/json_fields.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <functional>
#include <iostream>

namespace lanrage::net::control {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

spdlog::level::level_enum level_of(config::log_level level) {
  switch (level) {
  case config::log_level::trace:
    return spdlog::level::trace;
  case config::log_level::debug:
    return spdlog::level::debug;
  case config::log_level::info:
    return spdlog::level::info;
  case config::log_level::warn:
    return spdlog::level::warn;
  case config::log_level::error:
    break;
  }
  return spdlog::level::err;
}

} // namespace

std::string describe(const control_server& server, bool as_json) {
  const auto listen = to_string(server.listening());
  const auto line = to_string(server.line());
  const auto token = to_string(server.token_key());
  if (!as_json)
    return "control server ready on " + listen + "\nserver line: " + line +
           "\nrelay token key: " + token + "\n";
  return json::serialize(json::object{{"control", "ready"},
                                      {"listen", json_view(listen)},
                                      {"server_line", json_view(line)},
                                      {"token_key", json_view(token)}}) +
         "\n";
}

int run_control(const config::control_settings& settings, bool as_json) {
  spdlog::set_level(level_of(settings.log));
  asio::io_context io;
  asio::signal_set signals{io, SIGTERM, SIGINT};
  const auto server = control_server::start(settings);
  if (!server) {
    std::cerr << to_string(server.error()) << "\n";
    return server.error().code == errc::bad_config ? 2 : 1;
  }
  std::cout << describe(**server, as_json) << std::flush;

  signals.async_wait([&](error_code, int) { io.stop(); });
  asio::steady_timer check{io};
  const std::function<void()> watch = [&] {
    check.expires_after(std::chrono::milliseconds{200});
    check.async_wait([&](error_code ec) {
      if (ec) return;
      if ((*server)->failed()) return io.stop();
      watch();
    });
  };
  watch();
  io.run();
  const auto failed = (*server)->failed();
  (*server)->stop();
  if (failed) std::cerr << to_string(*failed) << "\n";
  return failed ? 1 : 0;
}

} // namespace lanrage::net::control
