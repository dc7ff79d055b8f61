#include "net/os/io_thread.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace lanrage::net::os;
using namespace std::chrono_literals;

TEST_CASE("handlers run on one thread that is not ours") {
  io_thread io;
  std::promise<std::thread::id> first, second;
  boost::asio::post(io.context(), [&] { first.set_value(std::this_thread::get_id()); });
  boost::asio::post(io.context(), [&] { second.set_value(std::this_thread::get_id()); });
  const auto id = first.get_future().get();
  CHECK(id == second.get_future().get());
  CHECK(id != std::this_thread::get_id());
}

TEST_CASE("an exception from a handler is reported and the thread goes on") {
  std::promise<std::string> reported;
  io_thread io{[&](const std::exception& defect) { reported.set_value(defect.what()); }};
  boost::asio::post(io.context(), [] { throw std::runtime_error("oops"); });
  CHECK(reported.get_future().get() == "oops");
  std::promise<void> alive;
  boost::asio::post(io.context(), [&] { alive.set_value(); });
  alive.get_future().get();
}

TEST_CASE("stopping finishes what was posted") {
  std::atomic<int> done = 0;
  {
    io_thread io;
    for (int i = 0; i < 1'000; ++i)
      boost::asio::post(io.context(), [&] { ++done; });
  }
  CHECK(done == 1'000);
}

TEST_CASE("a timer that nobody cancelled does not keep the thread") {
  io_thread io;
  boost::asio::steady_timer forever{io.context(), 1h};
  forever.async_wait([](auto) {});
  const auto start = std::chrono::steady_clock::now();
  io.stop();
  CHECK(std::chrono::steady_clock::now() - start < 10s);
}
