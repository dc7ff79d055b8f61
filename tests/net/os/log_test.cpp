#include "net/os/log.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

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
