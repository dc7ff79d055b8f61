// `serve`, `control` and `relay` as real processes on loopback.
#include "tests/cli/programs.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <poll.h>

using namespace lanrage::cli::test;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

/// One machine's settings for all three; every setting names the folder or loopback.
struct stage {
  folder in;
  std::string tcp = free_port(SOCK_STREAM);
  std::string udp = free_port(SOCK_DGRAM);
  std::string config = in.write("lanrage.toml", settings("state", tcp, udp)).string();

  std::string settings(const std::string& state, const std::string& tcp_port,
                       const std::string& udp_port) const {
    const auto at = (in.path / state).string();
    return "[control]\nlisten = \"127.0.0.1:" + tcp_port + "\"\nstate_dir = \"" + at +
           "-control\"\n[relay]\nlisten = \"127.0.0.1:" + udp_port +
           "\"\npublic_address = \"127.0.0.1:" + udp_port + "\"\nstate_dir = \"" + at +
           "-relay\"\ntoken_key = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\"\n";
  }
};

const std::vector<std::string> services{"serve", "control", "relay"};

bool is_server_line(const std::string& text) {
  return !text.empty() && text.find(' ') == std::string::npos;
}

} // namespace

TEST_CASE("a service says one line on standard output, ends at SIGTERM, and SIGHUP is no end") {
  for (const auto& name : services) {
    INFO(name);
    const stage s;
    program p{s.in, name, {name, "--config", s.config}};
    const auto ready = p.line();
    INFO(p.log());
    if (name == "relay")
      CHECK(ready.find("listening on 127.0.0.1:" + s.udp) != std::string::npos);
    else
      CHECK(is_server_line(ready));
    p.signal(SIGHUP);
    CHECK(p.logs("SIGHUP"));
    CHECK(p.running());
    p.signal(SIGTERM);
    CHECK(p.exit_code() == 0);
    CHECK(p.line().empty());
  }
}

TEST_CASE("with --json the line of a service is an object that says so") {
  for (const auto& name : services) {
    INFO(name);
    const stage s;
    program p{s.in, name, {name, "--config", s.config, "--json"}};
    const auto ready = json::parse(p.line()).as_object();
    CHECK(ready.at(name) == "ready");
    p.signal(SIGINT);
    CHECK(p.exit_code() == 0);
    CHECK(p.line().empty());
  }
}

TEST_CASE("a service that is there already keeps its port, and the second says which") {
  for (const auto& name : services) {
    INFO(name);
    const stage s;
    program first{s.in, "first", {name, "--config", s.config}};
    CHECK_FALSE(first.line().empty());
    const auto other = s.in.write("other.toml", s.settings("other", s.tcp, s.udp)).string();
    program second{s.in, "second", {name, "--config", other, "--json"}};
    const auto said = json::parse(second.line()).as_object();
    CHECK(said.at("error").at("code") == "already_exists");
    CHECK(second.exit_code() == 1);
    INFO(second.log());
    CHECK(second.log().find("127.0.0.1:" + (name == "relay" ? s.udp : s.tcp)) != std::string::npos);
    CHECK(first.running());
    first.signal(SIGTERM);
    CHECK(first.exit_code() == 0);
  }
}

TEST_CASE("no two processes share a state folder, whatever their ports") {
  for (const auto& name : services) {
    INFO(name);
    const stage s;
    program first{s.in, "first", {name, "--config", s.config}};
    CHECK_FALSE(first.line().empty());
    const auto other = s.in.write(
        "other.toml", s.settings("state", free_port(SOCK_STREAM), free_port(SOCK_DGRAM)));
    program second{s.in, "second", {name, "--config", other.string()}};
    CHECK(second.exit_code() == 1);
    CHECK(second.line().empty());
    CHECK(second.log().find("in use by another process") != std::string::npos);
    first.signal(SIGKILL); // its claim dies with it
    CHECK(first.exit_code() == -1);
    program third{s.in, "third", {name, "--config", other.string()}};
    CHECK_FALSE(third.line().empty());
    third.signal(SIGTERM);
    CHECK(third.exit_code() == 0);
  }
}

TEST_CASE("serve ends with a failure when only its relay's port is taken") {
  const stage s;
  program relay{s.in, "relay", {"relay", "--config", s.config}};
  CHECK_FALSE(relay.line().empty());
  const auto other =
      s.in.write("other.toml", s.settings("other", free_port(SOCK_STREAM), s.udp)).string();
  program serve{s.in, "serve", {"serve", "--config", other}};
  CHECK(serve.exit_code() == 1);
  CHECK(serve.line().empty());
  CHECK(serve.log().find("127.0.0.1:" + s.udp) != std::string::npos);
}

TEST_CASE("SIGUSR1 makes a service write the counters of all it consists of") {
  for (const auto& name : services) {
    INFO(name);
    const stage s;
    program p{s.in, name, {name, "--config", s.config}};
    CHECK_FALSE(p.line().empty());
    std::vector<std::string> files;
    if (name != "relay") files.push_back("state-control/counters.json");
    if (name != "control") files.push_back("state-relay/counters.json");
    const auto written = [&](const std::string& file) {
      const auto end = std::chrono::steady_clock::now() + 5s; // unasked it takes longer
      while (!std::filesystem::exists(s.in.path / file) && std::chrono::steady_clock::now() < end)
        ::poll(nullptr, 0, 10);
      return std::filesystem::exists(s.in.path / file);
    };
    for (const auto& file : files) { // the first one is written unasked
      CHECK(written(file));
      std::filesystem::remove(s.in.path / file);
    }
    p.signal(SIGUSR1);
    for (const auto& file : files) {
      INFO(file);
      CHECK(written(file));
      CHECK(json::parse(s.in.read(file)).at("counters").is_object());
    }
    p.signal(SIGTERM);
    CHECK(p.exit_code() == 0);
  }
}

TEST_CASE("serve does not start with one folder for both of its servers") {
  const stage s;
  const auto at = s.in.path.string();
  const auto config = s.in.write("one.toml", "[control]\nstate_dir = \"" + at +
                                                 "\"\n[relay]\npublic_address = "
                                                 "\"127.0.0.1:9\"\nstate_dir = \"" +
                                                 at + "\"\n");
  program p{s.in, "serve", {"serve", "--config", config.string()}};
  CHECK(p.exit_code() == 2);
  CHECK(p.log().find("relay.state_dir") != std::string::npos);
}

TEST_CASE("a relay without the key of its control server says what is missing") {
  const stage s;
  const auto config = s.in.write("bare.toml", "[relay]\nstate_dir = \"/nonexistent\"\n").string();
  program p{s.in, "relay", {"relay", "--config", config}};
  CHECK(p.exit_code() == 2);
  CHECK(p.line().empty());
  CHECK(p.log().find("relay.token_key") != std::string::npos);
}
