#include "net/os/io_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <chrono>

namespace lanrage::net::os {

namespace {
constexpr std::chrono::seconds drain_deadline{2};
} // namespace

io_thread::io_thread(on_defect report) : work_(boost::asio::make_work_guard(context_)) {
  // Signals belong to the thread that waits for them; this one must not be interrupted, and a
  // broken pipe is an error code here.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread{[this, report = std::move(report)] { run(report); }};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

io_thread::~io_thread() {
  stop();
}

void io_thread::run(const on_defect& report) {
  ::pthread_setname_np(::pthread_self(), "lanrage.io");
  for (bool again = true; again;) {
    try {
      context_.run();
      again = false;
    } catch (const std::exception& defect) {
      if (report) report(defect);
    }
  }
  ended_.set_value();
}

void io_thread::stop() {
  if (!thread_.joinable()) return;
  work_.reset();
  // A driver that forgot to close its socket must not keep the process alive.
  if (ended_.get_future().wait_for(drain_deadline) != std::future_status::ready) context_.stop();
  thread_.join();
}

} // namespace lanrage::net::os
