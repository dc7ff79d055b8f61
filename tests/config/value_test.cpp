#include "config/value.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::config;
using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number with its unit") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("2h") == 2h);
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("24000h") == 24'000h);
}

TEST_CASE("what is no duration is refused, never guessed") {
  for (const auto* text : {"", "30", "s", "-1s", "+1s", "1.5s", "1 s", "1s ", "1S", "1min", "1s1ms",
                           "24001h", "99999999999ms", "0x10s"})
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("a duration is shown in the largest unit that is exact, and reads back") {
  CHECK(show_duration(0ms) == "0s");
  CHECK(show_duration(1ms) == "1ms");
  CHECK(show_duration(1500ms) == "1500ms");
  CHECK(show_duration(90s) == "90s");
  CHECK(show_duration(3600s) == "1h");
  for (const auto each : {1ms, 999ms, 1000ms, 60'000ms, 61'000ms, 7'200'000ms})
    CHECK(parse_duration(show_duration(each)) == each);
}

TEST_CASE("a mistyped word finds its neighbour, a foreign word finds none") {
  const std::vector<std::string_view> known{"listen_port", "mtu", "log"};
  CHECK(nearest("listn_port", known) == "listen_port");
  CHECK(nearest("listen-port", known) == "listen_port");
  CHECK(nearest("mut", known) == std::nullopt); // two edits of three letters: too far
  CHECK(nearest("mtuu", known) == "mtu");
  CHECK(nearest("password", known) == std::nullopt);
  CHECK(nearest("", known) == std::nullopt);
}

TEST_CASE("control characters in a found value do not reach the terminal") {
  CHECK(describe(std::string{"a\x1b[31m\n\"\\"}) == R"(string "a\u001B[31m\u000A\"\\")");
  CHECK(describe(std::string(100, 'x')).size() < 80);
}
