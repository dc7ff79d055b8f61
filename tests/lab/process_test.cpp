#include "lab/failure.hpp"
#include "lab/process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fstream>

using namespace lanrage::lab;
using namespace std::chrono_literals;

TEST_CASE("a command's outputs and exit code are captured apart") {
  auto r = run_command({"sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(r.out == "out\n");
  CHECK(r.err == "err\n");
  CHECK(r.status.code == 3);
  CHECK_FALSE(r.ok());
}

TEST_CASE("a command reads its input to the end, however long") {
  process_spec spec;
  spec.argv = {"wc", "-c"};
  spec.input = std::string(300000, 'x');
  CHECK(must_run(spec) == "300000\n");
}

TEST_CASE("arguments reach the program without any shell") {
  auto r = run_command({"printf", "%s", "$HOME; `id` 'x' \"y\""});
  CHECK(r.out == "$HOME; `id` 'x' \"y\"");
}

TEST_CASE("a command that does not end within its time is killed") {
  auto before = process::clock::now();
  auto r = run_command({"sleep", "60"}, {}, 100ms);
  CHECK(r.timed_out);
  CHECK_FALSE(r.ok());
  CHECK(process::clock::now() - before < 5s);
}

TEST_CASE("a program that does not exist is a failure, not a dead child") {
  CHECK_THROWS_AS(run_command({"no-such-program-anywhere"}), failure);
  CHECK_THROWS_AS(run_command({"/etc/hostname"}), failure);
}

TEST_CASE("must_run quotes what the program complained about") {
  process_spec spec;
  spec.argv = {"sh", "-c", "echo broken pump >&2; exit 1"};
  CHECK_THROWS_WITH(must_run(spec), Catch::Contains("broken pump") && Catch::Contains("code 1"));
}

TEST_CASE("a process that ignores SIGTERM is killed after its grace") {
  process_spec spec;
  spec.argv = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"};
  process p{spec};
  REQUIRE(p.read_line(process::clock::now() + 5s) == "ready");
  CHECK(p.running());
  auto status = p.stop(50ms);
  CHECK(status.signal == SIGKILL);
  CHECK_FALSE(p.running());
}

TEST_CASE("lines are read as they come, and reading ends with the process") {
  process_spec spec;
  spec.argv = {"sh", "-c", "echo one; echo two; printf three"};
  process p{spec};
  auto deadline = process::clock::now() + 5s;
  CHECK(p.read_line(deadline) == "one");
  CHECK(p.read_line(deadline) == "two");
  CHECK(p.read_line(deadline) == std::nullopt);
  REQUIRE(p.wait_until(deadline));
  CHECK(p.wait_until(deadline)->ok());
}

TEST_CASE("a process dies with its owner") {
  pid_t pid = -1;
  {
    process_spec spec;
    spec.argv = {"sleep", "60"};
    process p{spec};
    pid = p.pid();
    REQUIRE(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("output to a file is appended") {
  auto path = std::filesystem::temp_directory_path() / ("lanrage-out-" + std::to_string(getpid()));
  for (const auto* word : {"one", "two"}) {
    process_spec spec;
    spec.argv = {"echo", word};
    spec.out = to_file{path};
    process p{spec};
    REQUIRE(p.wait_for(5s));
  }
  std::ifstream in{path};
  std::string all{std::istreambuf_iterator<char>{in}, {}};
  std::filesystem::remove(path);
  CHECK(all == "one\ntwo\n");
}

TEST_CASE("no descriptor of the runner leaks into a child") {
  int p[2];
  REQUIRE(::pipe(p) == 0); // not close-on-exec
  auto r = run_command({"sh", "-c", "ls /proc/self/fd | wc -l"});
  ::close(p[0]);
  ::close(p[1]);
  CHECK(std::stoi(r.out) <= 4); // three streams and ls's own
}
