#include "cli/commands.hpp"
#include "net/control/run.hpp"
#include "net/control/server.hpp"
#include "net/relay/server.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <exception>
#include <iostream>
#include <thread>

namespace lanrage::cli {
namespace {

namespace json = boost::json;
using net::control::control_server;

/// How often the control server is asked whether it ended by itself.
constexpr timespec look_interval{0, 200'000'000};

sigset_t our_signals() {
  sigset_t out;
  sigemptyset(&out);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1})
    sigaddset(&out, number);
  return out;
}

void print_ready(const control_server& control, const net::relay_info& relay, bool as_json) {
  const auto line = to_string(control.line());
  if (as_json) {
    std::cout << json::serialize(json::object{{"serve", "ready"},
                                              {"listen", to_string(control.listening())},
                                              {"server_line", line},
                                              {"token_key", to_string(control.token_key())},
                                              {"relay", relay.name},
                                              {"relay_address", to_string(relay.address)},
                                              {"relay_key", to_string(relay.key)}})
              << std::endl;
    return;
  }
  std::cout << "control server on " << to_string(control.listening()) << ", relay " << relay.name
            << " on " << to_string(relay.address) << "\n\n"
            << "server line (no secret), for `lanrage party create NAME --server LINE`:\n"
            << line << std::endl;
}

/// The relay on a thread of its own. Until a signal says stop, or one of the two ends by itself.
exit_code run_both(control_server& control, net::relay::server& relay) {
  const auto signals = our_signals();
  std::atomic<bool> relay_ended = false;
  std::thread relaying{[&] {
    try {
      relay.run();
    } catch (const std::exception& defect) {
      spdlog::critical("relay: {}", defect.what());
    }
    relay_ended = true;
  }};
  auto ended = exit_code::done;
  for (;;) {
    const int number = ::sigtimedwait(&signals, nullptr, &look_interval);
    if (number == SIGUSR1) relay.report();
    if (number == SIGTERM || number == SIGINT) break;
    const auto failed = control.failed();
    if (failed) ended = report(to_failure(*failed), false);
    if (relay_ended) ended = exit_code::failed;
    if (failed || relay_ended) break;
  }
  relay.stop();
  relaying.join();
  control.stop();
  return ended;
}

} // namespace

exit_code serve(const config::settings& settings, bool as_json) {
  if (!settings.relay.public_address)
    return report(to_failure(net::fail(net::errc::bad_config,
                                       "relay.public_address is not set: members must be told "
                                       "where the relay is")),
                  as_json);
  // Blocked before any thread starts, so that all of them leave the signals to this one.
  const auto signals = our_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto control = control_server::start(settings.control);
  if (!control) return report(to_failure(control.error()), as_json);
  auto relay = net::relay::server::open(settings.relay, (*control)->token_key());
  if (!relay) return report(to_failure(relay.error()), as_json);

  auto relays = settings.control.relays;
  relays.insert(relays.begin(), (*relay)->info());
  (*control)->set_relays(relays);
  print_ready(**control, relays.front(), as_json);
  return run_both(**control, **relay);
}

} // namespace lanrage::cli
