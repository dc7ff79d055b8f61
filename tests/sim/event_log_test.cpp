#include "sim/event_log.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim;
using namespace std::chrono_literals;

TEST_CASE("a log line is the time in seconds to the nanosecond, then the text") {
  event_log log;
  std::string text;
  log.to([&](std::string_view line) { text += line; });
  log.write(time_point{} + 1s + 5ns, "alice\nstarted");
  CHECK(text == "1.000000005 alice started\n");
  CHECK(log.lines() == 1);
}

TEST_CASE("a log's hash is FNV-1a over all its bytes, and every byte counts") {
  event_log log;
  CHECK(hash_text(log.hash()) == "cbf29ce484222325");
  event_log other;
  log.write(time_point{}, "a");
  other.write(time_point{} + 1ns, "a");
  CHECK(log.hash() != other.hash());
  // FNV-1a by hand over "0.000000000 a\n".
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : std::string{"0.000000000 a\n"})
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  CHECK(log.hash() == hash);
}
