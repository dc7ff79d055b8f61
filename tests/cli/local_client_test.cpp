#include "cli/local_client.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

using namespace lanrage::cli;
using namespace std::chrono_literals;
using test::fake_daemon;

namespace {

failure failed(const answer<boost::json::object>& got) {
  REQUIRE(std::holds_alternative<failure>(got));
  return std::get<failure>(got);
}

answer<boost::json::object> ask(const std::filesystem::path& socket,
                                std::chrono::milliseconds within = 5s) {
  auto opened = local_client::open(socket);
  if (auto* wrong = std::get_if<failure>(&opened)) return *wrong;
  return std::get<local_client>(opened).ask({{"op", "ping"}}, within);
}

} // namespace

TEST_CASE("a request is one line, and so is its reply") {
  fake_daemon daemon{{"{\"ok\":true,\"pid\":7}\n"}};
  const auto got = ask(daemon.socket());
  REQUIRE(std::holds_alternative<boost::json::object>(got));
  CHECK(std::get<boost::json::object>(got).at("pid").as_int64() == 7);
  CHECK(daemon.heard() == std::vector<std::string>{"{\"op\":\"ping\"}"});
}

TEST_CASE("an error reply is the failure it names, with the daemon's words") {
  fake_daemon daemon{{R"({"ok":false,"error":{"code":"peer_not_found","text":"t","remedy":"r"}})"
                      "\n"}};
  const auto got = failed(ask(daemon.socket()));
  CHECK(got.code == "peer_not_found");
  CHECK(got.text == "t");
  CHECK(got.remedy == "r");
}

TEST_CASE("nobody on the socket means that the daemon does not run") {
  CHECK(failed(ask("/nonexistent/lanrage.sock")).code == "daemon_not_running");
  // A socket file that its daemon left behind.
  std::filesystem::path left;
  {
    fake_daemon daemon{{}};
    left = daemon.socket().string() + ".left";
    std::filesystem::rename(daemon.socket(), left);
  }
  CHECK(failed(ask(left)).code == "daemon_not_running");
  std::filesystem::remove(left);
}

TEST_CASE("a path that cannot be a socket is bad configuration") {
  CHECK(failed(ask(std::string(200, 'x'))).code == "bad_config");
  CHECK(failed(ask("")).code == "bad_config");
}

TEST_CASE("a daemon that does not answer is waited for until the deadline, not longer") {
  fake_daemon daemon{{"", "never"}};
  const auto before = std::chrono::steady_clock::now();
  CHECK(failed(ask(daemon.socket(), 50ms)).code == "timed_out");
  CHECK(std::chrono::steady_clock::now() - before >= 50ms);
}

TEST_CASE("a daemon that ends without an answer, or with half of one, has closed") {
  fake_daemon silent{{""}};
  CHECK(failed(ask(silent.socket())).code == "closed");
  fake_daemon half{{"{\"ok\":tr"}};
  CHECK(failed(ask(half.socket())).code == "closed");
}

TEST_CASE("an answer that is no object is refused") {
  fake_daemon number{{"7\n"}};
  CHECK(failed(ask(number.socket())).code == "bad_message");
  fake_daemon garbage{{"}{\n"}};
  CHECK(failed(ask(garbage.socket())).code == "bad_message");
}
