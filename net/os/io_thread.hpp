#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <future>
#include <thread>

namespace lanrage::net::os {

/// What a socket reads at once; then the others on the thread have their turn.
inline constexpr int datagrams_per_turn = 64;

/// The one thread on which every Asio object of the process lives. It must outlive the actor
/// system: sockets are closed by their drivers, then the thread drains and ends.
class io_thread {
 public:
  using on_defect = std::function<void(const std::exception&)>;

  /// Starts at once. An exception that leaves a handler is a defect: it is reported on the io
  /// thread, and the thread goes on.
  explicit io_thread(on_defect report = {});
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;
  ~io_thread();

  boost::asio::io_context& context() { return context_; }
  /// Lets what is under way finish for a moment (`drain_deadline`), then ends the thread.
  /// Idempotent.
  void stop();

 private:
  void run(const on_defect& report);

  boost::asio::io_context context_{1}; // one thread runs it
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::promise<void> ended_;
  std::thread thread_;
};

} // namespace lanrage::net::os
