#include "cli/service.hpp"

#include <spdlog/spdlog.h>

#include <ctime>
#include <exception>
#include <iostream>

namespace lanrage::cli {
namespace {

constexpr timespec look_interval{0, 200'000'000};

} // namespace

service_signals::service_signals() {
  sigemptyset(&ours_);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
    sigaddset(&ours_, number);
  ::pthread_sigmask(SIG_BLOCK, &ours_, &before_);
}

service_signals::~service_signals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void service_signals::wait(const std::function<void()>& report,
                           const std::function<bool()>& ended) const {
  while (!ended()) {
    const int number = ::sigtimedwait(&ours_, nullptr, &look_interval);
    if (number == SIGTERM || number == SIGINT) return;
    if (number == SIGUSR1) report();
    if (number == SIGHUP)
      spdlog::warn("SIGHUP: settings are read at the start only; restart for new ones");
  }
}

running_relay::running_relay(net::relay::server& relay)
    : relay_(relay), thread_([this] {
        try {
          relay_.run();
        } catch (const std::exception& defect) {
          spdlog::critical("relay: {}", defect.what());
          ended_ = true;
        }
      }) {}

running_relay::~running_relay() {
  relay_.stop();
  thread_.join();
}

void print_ready(std::string_view line, std::string_view for_people) {
  std::cerr << for_people << std::flush;
  std::cout << line << std::endl;
}

} // namespace lanrage::cli
