#include "sim/trace/probe_window.hpp"
#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

const std::string banner = "PING host.example (192.0.2.1) 56(84) bytes of data.\n";

/// The body of the trace, or the problem.
std::string imported(const std::string& text, nanoseconds interval = 1s) {
  ping_options how;
  how.interval = interval;
  text_sink to;
  const auto done = import_ping(text_input("p", text), how, to);
  if (!done) return to_string(done.error());
  REQUIRE(says(to.text) == "good");
  return body_of(to.text);
}

std::string reply(int number, const std::string& time) {
  return "64 bytes from 192.0.2.1: icmp_seq=" + std::to_string(number) + " ttl=64 time=" + time +
         " ms\n";
}

} // namespace

TEST_CASE("a ping with stamps was sent when its answer arrived, less its round trip") {
  CHECK(imported(
            "ping: Warning: source address might be selected on device other than: ens33\n"
            "PING fe80::1(fe80::1) from :: ens33: 56 data bytes\n"
            "[1723489200.167948] 64 bytes from fe80::1%ens33: icmp_seq=1 ttl=63 time=144 ms\n"
            "[1723489200.196588] 64 bytes from fe80::1%ens33: icmp_seq=2 ttl=63 time=155 ms\n") ==
        "s 0 0 144000000\ns 17640000 0 155000000\n");
}

TEST_CASE("a trace of a ping names its target and its first moment") {
  text_sink to;
  import_ping(text_input("p", banner + "[10.5] " + reply(1, "500")), {}, to).value();
  const auto head = reader::open(text_input("t", to.text))->head();
  CHECK(head.nodes == std::vector<std::string>{"local", "host.example"});
  CHECK(head.origin_unix_ns == 10'000'000'000);
  CHECK(head.clock == clock_kind::recorded);
}

TEST_CASE("numbers without an answer are lost, at even distances") {
  CHECK(imported(reply(1, "5") + reply(4, "6")) ==
        "s 0 0 5000000\nl 1000000000 0\nl 1000000000 0\ns 1000000000 0 6000000\n");
  CHECK(imported("[10.0] " + reply(1, "0") + "[10.3] " + reply(4, "0")) ==
        "s 0 0 0\nl 100000000 0\nl 100000000 0\ns 100000000 0 0\n");
}

TEST_CASE("the banner makes 1 the first number, the statistics tell the last") {
  const std::string statistics = "\n--- host.example ping statistics ---\n"
                                 "5 packets transmitted, 2 received, 60% packet loss, time 4004ms\n"
                                 "rtt min/avg/max/mdev = 5.0/5.5/6.0/0.5 ms, pipe 2\n";
  CHECK(imported(banner + reply(2, "5") + reply(3, "6") + statistics, 1ns) ==
        "l 0 0\ns 1 0 5000000\ns 1 0 6000000\nl 1 0\nl 1 0\n");
  CHECK(imported(banner + "\n--- x ping statistics ---\n2 packets transmitted, 0 received\n") ==
        "l 0 0\nl 1000000000 0\n");
  CHECK(imported(banner + reply(0, "5") + reply(1, "5") +
                 "--- x ---\n2 packets transmitted, 2 packets received\n") ==
        "s 0 0 5000000\ns 1000000000 0 5000000\n");
}

TEST_CASE("without a banner the first number seen is the first") {
  CHECK(imported(reply(7, "5") + reply(8, "5")) == "s 0 0 5000000\ns 1000000000 0 5000000\n");
}

TEST_CASE("answers may come late, and a second one counts for nothing") {
  CHECK(imported("[10.3] " + reply(1, "100") + "[10.5] " + reply(3, "100") + "[10.6] " +
                 reply(2, "300")) ==
        "s 0 0 100000000\ns 100000000 0 300000000\ns 100000000 0 100000000\n");
  CHECK(imported(reply(1, "5") + "64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=9 ms (DUP!)\n") ==
        "s 0 0 5000000\n");
}

TEST_CASE("what ping says of unanswered probes is a probe that was sent") {
  CHECK(imported(reply(1, "5") + "no answer yet for icmp_seq=2\n" +
                 "From 192.0.2.254 icmp_seq=3 Destination Host Unreachable\n") ==
        "s 0 0 5000000\nl 1000000000 0\nl 1000000000 0\n");
  CHECK(imported("no answer yet for icmp_seq=1\n" + reply(1, "1500") + reply(2, "5")) ==
        "s 0 0 1500000000\ns 1000000000 0 5000000\n");
}

TEST_CASE("numbers of 16 bits begin anew") {
  CHECK(imported(reply(65'534, "1") + reply(65'535, "2") + reply(1, "3"), 1ns) ==
        "s 0 0 1000000\ns 1 0 2000000\nl 1 0\ns 1 0 3000000\n");
}

TEST_CASE("what no ping prints is an error with its line") {
  for (const auto& line : std::vector<std::string>{
           "hello", "64 bytes from 192.0.2.1: icmp_seq=2 ttl=64", "[x] " + reply(2, "5"),
           reply(2, "-5"), reply(2, "5e99"), reply(2, "4000000"), reply(65'536, "5"),
           std::string{"64 bytes from 192.0.2.1: icmp_seq=2 ttl=64 time=5 s"},
           "[10.0] " + reply(2, "5"), banner, std::string{"\xFF\xFE"}, std::string("a\0b", 3),
           std::string{"x bytes from 1: icmp_seq=2 ttl=1 time=1 ms"},
           "From 192.0.2.1 icmp_seq=99999 x", std::string(70'000, 'x')}) {
    INFO(line);
    CHECK(imported(reply(1, "5") + line + (line.back() == '\n' ? "" : "\n")).find("p:2: found ") ==
          0);
  }
  CHECK(imported("").find("found no probe, expected a line of ping") != std::string::npos);
  CHECK(imported(banner).find("found no probe") != std::string::npos);
  CHECK(imported(reply(1, "5") + "--- x ---\n99999999 packets transmitted, 1 received\n")
            .find("p:3: ") == 0);
  CHECK(imported("--- x ---\n" + reply(1, "5")).find("p:2: ") == 0);
}

TEST_CASE("a clock that jumps back by more than can be sorted is an error") {
  std::string text;
  for (int i = 1; i <= 140'000; ++i)
    text += "[" + std::to_string(i < 135'000 ? 2'000'000'000 + i : 1'000'000'000 + i) + ".0] " +
            reply(i % 65'536, "1");
  CHECK(imported(text).find("found times that jump") != std::string::npos);
}

TEST_CASE("a window keeps the order of numbers, not of answers") {
  std::string got;
  probe_window window{
      [&](const probe& what) { got += std::to_string(what.sent_ns) + (what.rtt ? "s " : "l "); }};
  window.start(1);
  CHECK(window.answered(3, 30, 1ns));
  CHECK(window.answered(1, 10, 1ns));
  CHECK_FALSE(window.answered(3, 31, 1ns));
  CHECK(window.answered(6, 60, 1ns));
  window.sent(8);
  window.finish(1s);
  CHECK(got == "10s 20l 30s 40l 50l 60s 70l 80l ");
}

TEST_CASE("a window forgets what is older than it is wide") {
  std::uint64_t lost = 0, answered = 0;
  probe_window window{[&](const probe& what) { ++(what.rtt ? answered : lost); }};
  window.answered(0, 0, 1ns);
  window.sent(probe_window::width * 3);
  CHECK_FALSE(window.answered(1, 1, 1ns));
  window.finish(1s);
  CHECK(answered == 1);
  CHECK(lost == probe_window::width * 3);
}
