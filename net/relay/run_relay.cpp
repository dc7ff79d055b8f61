#include "net/relay/server.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>

namespace lanrage::net::relay {

namespace {

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

/// As JSON: names are printable, but may hold what JSON quotes.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string ready_line(const server& s, bool json) {
  const auto self = s.info();
  const auto listening = s.local_endpoints();
  std::string list;
  for (const auto& where : listening)
    list += (list.empty() ? ""
             : json       ? ","
                          : " ") +
            (json ? json_text(to_string(where)) : to_string(where));
  if (json)
    return R"({"relay":"ready","name":)" + json_text(self.name) + R"(,"address":)" +
           json_text(to_string(self.address)) + R"(,"key":)" + json_text(to_string(self.key)) +
           R"(,"id":)" + json_text(to_string(s.id())) + R"(,"listen":[)" + list + "]}";
  return "relay " + self.name + " at " + to_string(self.address) + ", key " + to_string(self.key) +
         ", id " + to_string(s.id()) + ", listening on " + list;
}

sigset_t our_signals() {
  sigset_t out;
  sigemptyset(&out);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1})
    sigaddset(&out, number);
  return out;
}

/// The log goes to the standard error: the standard output is for the one line.
void prepare_log(config::log_level level) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::trace, spdlog::level::debug,
                                                         spdlog::level::info, spdlog::level::warn,
                                                         spdlog::level::err};
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::move(sink)));
  spdlog::set_level(levels[static_cast<std::size_t>(level)]);
  spdlog::flush_on(spdlog::level::info);
}

/// Serves signals until one says stop; the relay runs meanwhile.
int serve(server& s) {
  auto signals = our_signals();
  bool failed = false;
  const auto waiting = ::pthread_self();
  std::thread relaying{[&] {
    try {
      s.run();
    } catch (const std::exception& e) {
      spdlog::critical("relay: {}", e.what());
      failed = true;
      ::pthread_kill(waiting, SIGTERM); // whoever waits for signals has nothing left to wait for
    }
  }};
  for (int number = 0; ::sigwait(&signals, &number) == 0 && number == SIGUSR1;)
    s.report();
  s.stop();
  relaying.join();
  return failed ? exit_failed : exit_done;
}

} // namespace

int run_relay(const config::relay_settings& settings, bool json) {
  if (!settings.token_key) {
    std::fputs("lanrage relay: relay.token_key is not set: whose tokens count is the key that "
               "`lanrage control` prints\n",
               stderr);
    return exit_usage;
  }
  prepare_log(settings.log);
  // Blocked before any thread starts, so that all of them leave the signals to `serve`.
  const auto signals = our_signals();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  auto opened = server::open(settings, *settings.token_key);
  int code = exit_failed;
  if (opened) {
    std::printf("%s\n", ready_line(**opened, json).c_str());
    std::fflush(stdout);
    code = serve(**opened);
  } else {
    std::fprintf(stderr, "lanrage relay: %s\n", to_string(opened.error()).c_str());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return code;
}

} // namespace lanrage::net::relay
