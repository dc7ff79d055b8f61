#include "lab/failure.hpp"
#include "lab/guard.hpp"
#include "lab/laboratory.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

using namespace lanrage::lab;
using namespace std::chrono_literals;

namespace {

topology small() {
  topology t;
  t.publics = {{"server"}};
  t.sites = {{"p1"}};
  return t;
}

/// Forks a guard around `body` with a pipe on which the body says one line; signals it with
/// `number` after that line; returns the guard's wait status.
int signalled(int number, const std::function<void(int)>& body) {
  int p[2];
  REQUIRE(::pipe(p) == 0);
  const pid_t guard = ::fork();
  if (guard == 0) {
    ::close(p[0]);
    ::_exit(run_guarded([&] {
      body(p[1]);
      return 7;
    }));
  }
  ::close(p[1]);
  char byte;
  REQUIRE(::read(p[0], &byte, 1) == 1);
  ::kill(guard, number);
  int status = 0;
  ::waitpid(guard, &status, 0);
  ::close(p[0]);
  return status;
}

void say_ready(int fd) {
  [[maybe_unused]] auto n = ::write(fd, "r", 1);
}

} // namespace

TEST_CASE("the guard returns what its body returns") {
  CHECK(run_guarded([] { return 0; }) == 0);
  CHECK(run_guarded([] { return 42; }) == 42);
}

TEST_CASE("a body that throws or crashes gives 1") {
  CHECK(run_guarded([]() -> int { throw failure("as the test wants it"); }) == 1);
  CHECK(run_guarded([]() -> int {
          ::raise(SIGKILL);
          return 0;
        }) == 1);
}

TEST_CASE("Ctrl-C half-way leaves nothing when the guard returns") {
  if (skipped(unavailable_reason())) return;
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    auto namespaces = netns_names("lr");
    auto status = signalled(number, [](int fd) {
      laboratory lab{small()};
      process_spec spec;
      spec.argv = {"sleep", "600"};
      auto p = lab.at("p1").start(spec);
      say_ready(fd);
      ::pause();
    });
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + number);
    CHECK(netns_names("lr") == namespaces);
  }
}

TEST_CASE("a crash half-way leaves nothing when the guard returns") {
  if (skipped(unavailable_reason())) return;
  auto namespaces = netns_names("lr");
  auto code = run_guarded([]() -> int {
    laboratory lab{small()};
    ::raise(SIGKILL);
    return 0;
  });
  CHECK(code == 1);
  CHECK(netns_names("lr") == namespaces);
}

TEST_CASE("a body that waits for the end is asked to end and decides its own code") {
  auto status = signalled(SIGINT, [](int fd) {
    sigset_t wanted; // as wait_for_the_end() does, before anybody may ask
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    say_ready(fd);
    wait_for_the_end();
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
}
