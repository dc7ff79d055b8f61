#include "lab/failure.hpp"
#include "lab/laboratory.hpp"
#include "lab/ping_stream.hpp"
#include "tests/lab/require_lab.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

using namespace lanrage::lab;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

topology small() {
  topology t;
  t.publics = {{"server"}};
  t.sites = {{"p1"}, {"p2"}};
  t.one_way_delay = 1ms;
  return t;
}

/// Neither gone nor a zombie that its new parent has not collected yet.
bool alive(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string stat{std::istreambuf_iterator<char>{in}, {}};
  auto name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

/// Polls, since the kernel ends processes in its own time.
bool comes_true(const std::function<bool()>& holds, std::chrono::milliseconds limit = 5s) {
  auto deadline = process::clock::now() + limit;
  while (!holds()) {
    if (process::clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

process_spec sleeper() {
  process_spec spec;
  spec.argv = {"sleep", "600"};
  return spec;
}

} // namespace

TEST_CASE("the demo's laboratory is up in less than 1.5 s and every machine reaches the server") {
  if (skipped(unavailable_reason())) return;
  topology t;
  t.publics = {{"control"}, {"relay1"}, {"relay2"}};
  t.sites = {{"p1"}, {"p2"}, {"p3"}};
  t.sites[2].nat.type = nat_type::symmetric;
  auto before = process::clock::now();
  laboratory lab{t};
  CHECK(process::clock::now() - before < 1500ms);
  for (const auto* name : {"p1", "p2", "p3", "relay1"}) {
    INFO(name);
    ping_stream pings{lab.at(name).net_ns(), lab.at("control").address(), 50ms};
    auto answered = pings.wait_answer(process::clock::now(), process::clock::now() + 3s);
    CHECK(answered);
  }
}

TEST_CASE("each member has its own /run, visible from outside below its folder") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{small()};
  const auto &p1 = lab.at("p1"), &p2 = lab.at("p2");
  REQUIRE(p1.run({"mkdir", "-p", "/var/run/wireguard"}).ok());
  REQUIRE(p1.run({"touch", "/var/run/wireguard/wg0.sock"}).ok());
  CHECK(fs::exists(p1.run_path("wireguard/wg0.sock")));
  CHECK_FALSE(p2.run({"test", "-e", "/var/run/wireguard/wg0.sock"}).ok());
  CHECK_FALSE(fs::exists("/run/wireguard/wg0.sock"));
  // The machine's folder has the same path inside.
  std::ofstream{p1.root() / "note"} << "hello";
  CHECK(p1.run({"cat", (p1.root() / "note").string()}).out == "hello");
}

TEST_CASE("a member's /proc and /sys show its own laboratory and network") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{small()};
  auto interfaces = lab.at("p1").run({"ls", "/sys/class/net"}).out;
  CHECK(interfaces == "eth0\nlo\n");
  auto first = lab.at("p1").run({"cat", "/proc/1/comm"}).out;
  CHECK(first == "lanrage-lab\n");
}

TEST_CASE("teardown leaves no process, namespace or file, daemons of members included") {
  if (skipped(unavailable_reason())) return;
  std::string prefix;
  fs::path folder;
  pid_t orphan = -1, child = -1;
  {
    laboratory lab{small()};
    prefix = lab.prefix();
    folder = lab.folder();
    CHECK(netns_names(prefix).size() == 6); // switch, server, two members, two boxes
    // A daemon whose parent is gone, in a session of its own, as wireguard-go is.
    REQUIRE(lab.at("p1").run({"sh", "-c", "setsid sleep 600 >/dev/null 2>&1 </dev/null &"}).ok());
    auto pids = lab.at("p1").processes();
    REQUIRE(pids.size() == 1);
    orphan = pids[0];
    process p = lab.at("p2").start(sleeper());
    child = p.pid();
    REQUIRE(alive(orphan));
  }
  CHECK(netns_names(prefix).empty());
  CHECK_FALSE(fs::exists(folder));
  CHECK(comes_true([&] { return !alive(orphan); }));
  CHECK_FALSE(alive(child));
  auto left = known_estates();
  CHECK(std::find(left.begin(), left.end(), prefix) == left.end());
}

TEST_CASE("a laboratory whose construction fails half-way leaves nothing") {
  if (skipped(unavailable_reason())) return;
  auto namespaces_before = netns_names("lr").size();
  auto estates_before = known_estates();
  auto t = small();
  // Fails late, when its rules are loaded: everything is built by then.
  t.sites[1].nat.udp_answered_timeout = std::chrono::seconds{-1};
  CHECK_THROWS_AS(laboratory{t}, failure);
  auto twice = small();
  twice.sites.push_back({"server"});
  CHECK_THROWS_AS(laboratory{twice}, failure);
  CHECK(netns_names("lr").size() == namespaces_before);
  CHECK(known_estates() == estates_before);
}

TEST_CASE("two laboratories live side by side") {
  if (skipped(unavailable_reason())) return;
  laboratory one{small()}, two{small()};
  CHECK(one.prefix() != two.prefix());
  CHECK(sweep_stale().empty());
  one.tear_down();
  ping_stream pings{two.at("p1").net_ns(), two.at("server").address(), 20ms};
  CHECK(pings.wait_answer(process::clock::now(), process::clock::now() + 3s));
}

namespace {

/// Forks a runner that builds a laboratory and waits; returns its pid and what it wrote.
struct runner {
  pid_t pid = -1;
  pid_t janitor = -1;
  pid_t sleeper_pid = -1;
  std::string prefix;
};

runner fork_runner() {
  int p[2];
  REQUIRE(::pipe2(p, O_CLOEXEC) == 0);
  runner r;
  r.pid = ::fork();
  if (r.pid == 0) {
    try {
      laboratory lab{small()};
      auto daemon = lab.at("p1").start(sleeper());
      auto line = lab.prefix() + " " + std::to_string(lab.belongings().janitor()) + " " +
                  std::to_string(daemon.pid()) + "\n";
      [[maybe_unused]] auto n = ::write(p[1], line.data(), line.size());
      ::pause();
    } catch (...) {
    }
    ::_exit(1);
  }
  ::close(p[1]);
  FILE* in = ::fdopen(p[0], "r");
  char prefix[64] = {};
  int got = std::fscanf(in, "%63s %d %d", prefix, &r.janitor, &r.sleeper_pid);
  std::fclose(in);
  REQUIRE(got == 3);
  r.prefix = prefix;
  return r;
}

} // namespace

TEST_CASE("a runner killed by SIGKILL leaves nothing: its janitor cleans up") {
  if (skipped(unavailable_reason())) return;
  auto r = fork_runner();
  REQUIRE(alive(r.sleeper_pid));
  REQUIRE(netns_names(r.prefix).size() == 6);
  ::kill(r.pid, SIGKILL);
  ::waitpid(r.pid, nullptr, 0);
  CHECK(comes_true([&] { return !alive(r.sleeper_pid); }));
  CHECK(comes_true([&] { return netns_names(r.prefix).empty(); }));
  CHECK(comes_true([&] { return !alive(r.janitor); }));
  auto left = known_estates();
  CHECK(std::find(left.begin(), left.end(), r.prefix) == left.end());
}

TEST_CASE("when runner and janitor are both killed the next laboratory sweeps the rest") {
  if (skipped(unavailable_reason())) return;
  auto r = fork_runner();
  auto before = sweep_stale();
  CHECK(std::find(before.begin(), before.end(), r.prefix) == before.end()); // alive: untouched
  ::kill(r.janitor, SIGSTOP); // so that it cannot clean up first
  ::kill(r.pid, SIGKILL);
  ::waitpid(r.pid, nullptr, 0);
  ::kill(r.janitor, SIGKILL);
  // The kernel ends all of a pid namespace with its process 1.
  CHECK(comes_true([&] { return !alive(r.sleeper_pid); }));
  REQUIRE(netns_names(r.prefix).size() == 6);
  auto swept = sweep_stale();
  CHECK(std::find(swept.begin(), swept.end(), r.prefix) != swept.end());
  CHECK(netns_names(r.prefix).empty());
  CHECK_FALSE(fs::exists(fs::path{estate_folder} / r.prefix.substr(0, r.prefix.size() - 1)));
}

TEST_CASE("a blocked site is cut off and comes back") {
  if (skipped(unavailable_reason())) return;
  laboratory lab{small()};
  ping_stream pings{lab.at("p1").net_ns(), lab.at("server").address(), 10ms};
  auto now = process::clock::now();
  REQUIRE(pings.wait_answer(now, now + 3s));
  lab.block("p1", true);
  now = process::clock::now();
  CHECK_FALSE(pings.wait_answer(now, now + 300ms));
  lab.block("p1", false);
  now = process::clock::now();
  CHECK(pings.wait_answer(now, now + 3s));
}

TEST_CASE("IPv6 passes the switch, and the boxes keep unasked IPv6 out unless told otherwise") {
  if (skipped(unavailable_reason())) return;
  auto t = small();
  t.ipv6 = true;
  t.sites[1].nat.ipv6_open = true;
  laboratory lab{t};
  auto reaches = [&](const char* from, const char* to) {
    ping_stream pings{lab.at(from).net_ns(), lab.at(to).address6(), 20ms};
    return pings.wait_answer(process::clock::now(), process::clock::now() + 600ms).has_value();
  };
  CHECK(reaches("p1", "server"));
  CHECK(reaches("server", "p2"));
  CHECK_FALSE(reaches("server", "p1"));
}
