#include "net/os/process.hpp"

#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace lanrage::net;
using namespace lanrage::net::os;
using namespace std::chrono_literals;

namespace {

result<process_output> shell(const std::string& script, const process_options& options = {}) {
  return run_process({"sh", "-c", script}, options);
}

/// Waits for a process that is not our child to be gone.
bool ends(int pid) {
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (::kill(pid, 0) == 0 && std::chrono::steady_clock::now() < end) {
    std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
    std::string number, name, state;
    stat >> number >> name >> state;
    if (state == "Z") return true; // dead; whoever adopted it has not looked yet
  }
  return ::kill(pid, 0) != 0;
}

} // namespace

TEST_CASE("a program's outputs and exit status come back") {
  const auto ended = shell("echo out; echo err >&2; exit 3");
  REQUIRE(ended.has_value());
  CHECK(ended->status == 3);
  CHECK(ended->out == "out\n");
  CHECK(ended->err == "err\n");
}

TEST_CASE("arguments reach a program as they are") {
  CHECK(run_process({"printf", "%s|", "a b", "$HOME", "'", ""})->out == "a b|$HOME|'||");
}

TEST_CASE("a program's standard input is empty") {
  CHECK(run_process({"cat"})->out.empty());
}

TEST_CASE("a program that is not there is unavailable, one that may not run is not permitted") {
  CHECK(run_process({"lanrage-no-such-program"}).error().code == errc::wg_unavailable);
  CHECK(run_process({"/etc/passwd"}).error().code == errc::not_permitted);
  CHECK(run_process({"/tmp"}).error().code == errc::not_permitted);
}

TEST_CASE("a program past its deadline is killed with its children and reported as late") {
  char name[] = "/tmp/lanrage-test-XXXXXX";
  ::close(::mkstemp(name));
  const auto start = std::chrono::steady_clock::now();
  const auto ended = shell("sleep 60 & echo $! > " + std::string{name} + "; wait", {500ms, {}});
  REQUIRE(ended.has_error());
  CHECK(ended.error().code == errc::timed_out);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  int child = 0;
  std::ifstream{name} >> child;
  ::unlink(name);
  REQUIRE(child > 0);
  CHECK(ends(child));
}

TEST_CASE("what a program leaves running is left alone and not waited for, even with our pipes") {
  const auto start = std::chrono::steady_clock::now();
  const auto ended = shell("sleep 20 & echo $!");
  REQUIRE(ended.has_value());
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  const auto left = std::stoi(ended->out);
  CHECK(::getsid(left) != ::getsid(0));
  CHECK(::kill(left, SIGKILL) == 0); // that it lives is the point
}

TEST_CASE("a program ended by a signal shows it in its exit status") {
  CHECK(shell("kill -TERM $$")->status == 128 + SIGTERM);
}

TEST_CASE("outputs are kept up to their limit, and the program is not held up") {
  const auto whole = shell("head -c 1000000 /dev/zero");
  CHECK(whole->out.size() == 1'000'000); // more than a pipe holds
  const auto cut = shell("head -c 17000000 /dev/zero; echo end >&2", {20s, {}});
  REQUIRE(cut.has_value());
  CHECK(cut->out.size() == process_output_max);
  CHECK(cut->err == "end\n");
}

TEST_CASE("a program inherits PATH and what it is given, no variable and no descriptor more") {
  constexpr int leaky = 200; // without close-on-exec
  REQUIRE(::dup2(0, leaky) == leaky);
  ::setenv("LANRAGE_TEST_LEAK", "1", 1);
  const auto ended =
      shell("echo ${GIVEN}${LANRAGE_TEST_LEAK}; ls /proc/self/fd", {2s, {"GIVEN=1"}});
  ::unsetenv("LANRAGE_TEST_LEAK");
  ::close(leaky);
  REQUIRE(ended.has_value());
  CHECK(ended->out == "1\n0\n1\n2\n3\n"); // 3 is the listing's own
}

TEST_CASE("a program starts with no signal blocked or ignored") {
  ::signal(SIGPIPE, SIG_IGN);
  const auto ended = shell("awk '/SigBlk|SigIgn/ {print $2}' /proc/self/status");
  ::signal(SIGPIPE, SIG_DFL);
  REQUIRE(ended.has_value());
  std::istringstream masks{ended->out};
  std::uint64_t blocked = 1, ignored = 1;
  masks >> std::hex >> blocked >> ignored;
  constexpr std::uint64_t ours = 0x7fffffff; // 32 and 33 belong to the C library
  CHECK((blocked & ours) == 0);
  CHECK((ignored & ours) == 0);
}
