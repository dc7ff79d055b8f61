#include "net/os/log.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

using namespace lanrage::net;

namespace {

/// What arrives at one of our standard streams while `body` runs.
template <class Body>
std::string written_to(int stream, Body body) {
  char name[] = "/tmp/lanrage-test-XXXXXX";
  const int file = ::mkstemp(name);
  const int before = ::dup(stream);
  ::dup2(file, stream);
  body();
  ::dup2(before, stream);
  ::close(before);
  ::close(file);
  std::ifstream in{name};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  ::unlink(name);
  return text;
}

} // namespace

TEST_CASE("the log goes to standard error and leaves standard output alone") {
  std::string out;
  const auto err = written_to(2, [&] {
    out = written_to(1, [] {
      os::log_to_stderr(log_level::info);
      spdlog::info("a line for people");
    });
  });
  CHECK(err.find("a line for people") != std::string::npos);
  CHECK(out.empty());
}

TEST_CASE("a log level shows itself and what is worse, from the moment it is set") {
  const auto err = written_to(2, [] {
    os::log_to_stderr(log_level::warn);
    spdlog::info("one");
    spdlog::warn("two");
    os::set_log_level(log_level::debug);
    spdlog::debug("three");
    spdlog::trace("four");
    os::set_log_level(log_level::error);
    spdlog::warn("five");
    spdlog::error("six");
    os::set_log_level(log_level::info);
  });
  for (const auto* shown : {"two", "three", "six"})
    CHECK(err.find(shown) != std::string::npos);
  for (const auto* hidden : {"one", "four", "five"})
    CHECK(err.find(hidden) == std::string::npos);
}

TEST_CASE("a log that nobody reads stops nobody, and says so to who reads again") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const int before = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  os::log_to_stderr(log_level::info);
  constexpr int written = 10'000; // a pipe holds 64 KiB
  for (int i = 0; i < written; ++i)
    spdlog::info("line {} of a log that nobody reads", i);
  std::string text;
  const auto drain = [&](std::size_t at_most) {
    char part[4096];
    for (std::size_t got = 0; got < at_most;) {
      pollfd in{ends[0], POLLIN, 0};
      if (::poll(&in, 1, 0) != 1) return;
      const auto count = ::read(ends[0], part, sizeof part);
      if (count <= 0) return;
      got += static_cast<std::size_t>(count);
      text.append(part, static_cast<std::size_t>(count));
    }
  };
  drain(1'000'000);
  const auto first = std::count(text.begin(), text.end(), '\n');
  spdlog::info("the next one");
  drain(1'000'000);
  ::dup2(before, STDERR_FILENO);
  for (const int each : {before, ends[0], ends[1]})
    ::close(each);
  CHECK(first > 100);
  CHECK(first < written);
  CHECK(text.find(std::to_string(written - first) + " lines of the log were lost") !=
        std::string::npos);
  CHECK(text.find("the next one") != std::string::npos);
}
