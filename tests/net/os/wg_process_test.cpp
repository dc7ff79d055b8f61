#include "net/os/wg_process.hpp"

#include <catch2/catch.hpp>

#include <chrono>

using namespace lanrage::net;
using namespace std::chrono_literals;

TEST_CASE("a program's output and exit status come back") {
  const auto ended = os::run_process({"sh", "-c", "echo out; echo err >&2; exit 3"});
  REQUIRE(ended.has_value());
  CHECK(ended->status == 3);
  CHECK(ended->out == "out\n");
  CHECK(ended->err == "err\n");
}

TEST_CASE("a program that is not there is unavailable") {
  const auto ended = os::run_process({"no-such-program-of-ours"});
  REQUIRE(ended.has_error());
  CHECK(ended.error().code == errc::wg_unavailable);
}

TEST_CASE("a program past its deadline is killed and reported as late") {
  os::process_options options;
  options.deadline = 50ms;
  const auto start = std::chrono::steady_clock::now();
  const auto ended = os::run_process({"sleep", "30"}, options);
  REQUIRE(ended.has_error());
  CHECK(ended.error().code == errc::timed_out);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE("what a program leaves running is not waited for, even when it holds the output") {
  const auto start = std::chrono::steady_clock::now();
  const auto ended = os::run_process({"sh", "-c", "sleep 20 & echo $!"});
  REQUIRE(ended.has_value());
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  CHECK(os::run_process({"kill", ended->out.substr(0, ended->out.find('\n'))})->status == 0);
}

TEST_CASE("a program inherits PATH and what it is given, no variable and no descriptor more") {
  os::process_options options;
  options.environment = {"GIVEN=1"};
  ::setenv("LANRAGE_TEST_LEAK", "1", 1);
  const auto ended =
      os::run_process({"sh", "-c", "echo ${GIVEN}${LANRAGE_TEST_LEAK}; ls /proc/self/fd"}, options);
  REQUIRE(ended.has_value());
  CHECK(ended->out == "1\n0\n1\n2\n3\n"); // 3 is the listing's own
}

TEST_CASE("more output than a pipe holds arrives whole") {
  const auto ended = os::run_process({"sh", "-c", "head -c 1000000 /dev/zero"});
  REQUIRE(ended.has_value());
  CHECK(ended->out.size() == 1'000'000);
}
