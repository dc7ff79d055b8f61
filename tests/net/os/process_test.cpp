#include "net/os/io_thread.hpp"
#include "net/os/process.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <sstream>

using namespace lanrage::net;
using namespace lanrage::net::os;
using namespace std::chrono_literals;

namespace {

command shell(std::string script) {
  return {{"sh", "-c", std::move(script)}};
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

struct temporary_file {
  std::filesystem::path path;
  temporary_file() {
    char name[] = "/tmp/lanrage-test-XXXXXX";
    ::close(::mkstemp(name));
    path = name;
  }
  ~temporary_file() { std::filesystem::remove(path); }
  std::string text() const {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
};

} // namespace

TEST_CASE("a program tells its outputs and exit code") {
  const auto how = run(shell("echo out; echo err >&2; exit 3")).value();
  CHECK(how.exit_code == 3);
  CHECK_FALSE(how.ok());
  CHECK(how.output == "out\n");
  CHECK(how.complaints == "err\n");
  CHECK_FALSE(how.truncated);
  CHECK(run(shell("exit 0"))->ok());
}

TEST_CASE("arguments reach the program as they are") {
  CHECK(run({{"printf", "%s|", "a b", "$HOME", "'", ""}})->output == "a b|$HOME|'||");
}

TEST_CASE("input arrives on standard input, also by its name, however long") {
  const std::string text(3'000'000, 'x');
  command cat{{"cat"}, text};
  cat.output_max = 4'000'000;
  CHECK(run(cat)->output == text);
  CHECK(run({{"cat", "/dev/stdin"}, "secret"})->output == "secret");
  CHECK(run({{"cat"}})->output.empty());
}

TEST_CASE("a program that does not exist or may not run is an error") {
  CHECK(run({{"lanrage-no-such-program"}}).error().code == errc::bad_config);
  CHECK(run({{"/etc/passwd"}}).error().code == errc::bad_config);
  CHECK(run({{"/tmp"}}).error().code == errc::bad_config);
  CHECK(run({{}}).error().code == errc::bad_config);
}

TEST_CASE("a program over its deadline is killed with its children") {
  auto slow = shell("sleep 60 & echo $!; wait");
  slow.deadline = 200ms;
  temporary_file pid_file;
  slow.argv.back() = "sleep 60 & echo $! > " + pid_file.path.string() + "; wait";
  const auto start = std::chrono::steady_clock::now();
  CHECK(run(slow).error().code == errc::timed_out);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  CHECK(ends(std::stoi(pid_file.text())));
}

TEST_CASE("a program that leaves a child with its outputs open is not waited for") {
  const auto start = std::chrono::steady_clock::now();
  const auto how = run(shell("sleep 60 & echo done"));
  CHECK(how->output == "done\n");
  CHECK(std::chrono::steady_clock::now() - start < 4s);
}

TEST_CASE("a program ended by a signal shows it in its exit code") {
  CHECK(run(shell("kill -TERM $$"))->exit_code == 128 + SIGTERM);
}

TEST_CASE("outputs are kept up to their limit, and the program is not held up") {
  auto loud = shell("head -c 1000000 /dev/zero; echo end >&2");
  loud.output_max = 1'000;
  const auto how = run(loud).value();
  CHECK(how.output.size() == 1'000);
  CHECK(how.truncated);
  CHECK(how.complaints == "end\n");
}

TEST_CASE("none of our descriptors reaches a program") {
  constexpr int leaky = 200; // without close-on-exec
  REQUIRE(::dup2(0, leaky) == leaky);
  CHECK(run(shell("test -e /proc/$$/fd/0"))->ok());
  CHECK_FALSE(run(shell("test -e /proc/$$/fd/200"))->ok());
  ::close(leaky);
}

TEST_CASE("a program starts with no signal blocked or ignored") {
  ::signal(SIGPIPE, SIG_IGN);
  const auto how = run(shell("awk '/SigBlk|SigIgn/ {print $2}' /proc/self/status")).value();
  ::signal(SIGPIPE, SIG_DFL);
  std::istringstream masks{how.output};
  std::uint64_t blocked = 1, ignored = 1;
  masks >> std::hex >> blocked >> ignored;
  constexpr std::uint64_t ours = 0x7fffffff; // 32 and 33 belong to the C library
  CHECK((blocked & ours) == 0);
  CHECK((ignored & ours) == 0);
}

TEST_CASE("many programs run at once on the io thread") {
  io_thread io;
  std::vector<std::future<std::string>> told;
  for (int i = 0; i < 20; ++i) {
    auto promise = std::make_shared<std::promise<std::string>>();
    told.push_back(promise->get_future());
    run(io.context(), {{"echo", std::to_string(i)}},
        [promise](result<outcome> how) { promise->set_value(how.value().output); });
  }
  for (int i = 0; i < 20; ++i)
    CHECK(told[static_cast<std::size_t>(i)].get() == std::to_string(i) + "\n");
}

TEST_CASE("a detached program is nobody's child, leads no terminal, and logs to its file") {
  temporary_file log;
  const auto pid = spawn_detached({"sh", "-c", "echo started $LANRAGE_TEST; exec sleep 60"},
                                  log.path, {"LANRAGE_TEST=yes"});
  REQUIRE(pid.has_value());
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (log.text().empty() && std::chrono::steady_clock::now() < end) {
  }
  CHECK(log.text() == "started yes\n");
  std::ifstream stat{"/proc/" + std::to_string(*pid) + "/stat"};
  std::string number, name, state;
  int parent = 0, group = 0, session = 0, terminal = -1;
  stat >> number >> name >> state >> parent >> group >> session >> terminal;
  CHECK(parent != ::getpid());
  CHECK(session != ::getsid(0));
  CHECK(session != *pid);
  CHECK(terminal == 0);
  CHECK(::kill(*pid, SIGTERM) == 0);
  CHECK(ends(*pid));
}

TEST_CASE("a detached program that cannot start says why") {
  CHECK(spawn_detached({"lanrage-no-such-program"}).error().code == errc::bad_config);
  temporary_file not_a_program;
  std::ofstream{not_a_program.path} << "nothing to run";
  ::chmod(not_a_program.path.c_str(), 0700);
  CHECK(spawn_detached({not_a_program.path}).has_error());
}

TEST_CASE("programs are found in PATH and in the sbin folders") {
  CHECK(find_program("sh"));
  CHECK(find_program("ip"));
  CHECK(find_program("/bin/sh") == std::filesystem::path{"/bin/sh"});
  CHECK_FALSE(find_program(""));
  CHECK_FALSE(find_program("lanrage-no-such-program"));
  CHECK_FALSE(find_program("/etc"));
}
