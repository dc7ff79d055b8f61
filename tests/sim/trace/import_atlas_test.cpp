#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

std::string imported(const std::string& text) {
  text_sink to;
  const auto done = import_atlas(text_input("a", text), {}, to);
  if (!done) return to_string(done.error());
  REQUIRE(says(to.text) == "good");
  return body_of(to.text);
}

std::string entry(int probe, int time, const std::string& result) {
  return R"({"type":"ping","prb_id":)" + std::to_string(probe) + R"(,"msm_id":7,"dst_name":"x",)" +
         R"("timestamp":)" + std::to_string(time) + R"(,"result":[)" + result + "]}";
}

} // namespace

TEST_CASE("results are an array or one per line") {
  const auto first = entry(1, 100, R"({"rtt":49.49372})"), second = entry(1, 101, R"({"x":"*"})");
  const std::string body = "s 0 0 49493720\nl 1000000000 0\n";
  CHECK(imported("[" + first + ", " + second + "]\n") == body);
  CHECK(imported("[\n" + first + ",\n" + second + "\n]") == body);
  CHECK(imported(first + "\n" + second + "\n\n") == body);
  CHECK(imported(first + second) == body);
}

TEST_CASE("packets are samples, losses, unknown, or no probe at all") {
  CHECK(imported(
            entry(1, 100,
                  R"({"rtt":1.5,"ttl":57},{"x":"*","late":2},{"error":"no route"},{"error":101},)"
                  R"({"dup":1,"rtt":9},{"rtt":1e1,"srcaddr":"y"})")) ==
        "s 0 0 1500000\nl 1000000000 0\nu 1000000000 0 error\nu 1000000000 0 error\n"
        "s 1000000000 0 10000000\n");
}

TEST_CASE("every probe of a measurement is a link, and time sorts the results") {
  text_sink to;
  import_atlas(text_input("a", "[" + entry(30, 105, R"({"rtt":1})") + "," +
                                   entry(20, 100, R"({"rtt":2})") + "," +
                                   entry(30, 100, R"({"rtt":3})") + "]"),
               {}, to)
      .value();
  CHECK(body_of(to.text) == "s 0 1 2000000\ns 0 0 3000000\ns 5000000000 0 1000000\n");
  const auto head = reader::open(text_input("t", to.text))->head();
  CHECK(head.nodes == std::vector<std::string>{"probe-30", "x", "probe-20", "x"});
  CHECK(head.origin_unix_ns == 100'000'000'000);
}

TEST_CASE("fields nobody asked for may hold anything") {
  CHECK(
      imported(
          R"({"a":{"result":[{"rtt":-1}],"prb_id":"x"},"b":[[1,{"x":null}]],"result":)"
          R"([{"rtt":1,"z":{"rtt":"no"},"y":[{"rtt":[]}]}],"prb_id":1,"timestamp":5,"c":null})") ==
      "s 0 0 1000000\n");
}

TEST_CASE("what are no ping results is an error with its line") {
  const auto good = entry(1, 100, R"({"rtt":1})");
  const auto bad = [&](const std::string& text) { return imported(good + "\n" + text); };
  CHECK(bad(R"({"prb_id":1})") == "a:2: found a result without prb_id, timestamp or result behind "
                                  "result 1, expected all three");
  for (const auto& text : std::vector<std::string>{
           std::string{"hello"},
           std::string{"{"},
           good.substr(0, good.size() - 1),
           std::string{"[1]"},
           std::string{"[[]]"},
           std::string{"[\"x\"]"},
           std::string{"[null]"},
           entry(1, 100, R"({"rtt":-1})"),
           entry(1, 100, R"({"rtt":"1"})"),
           entry(1, 100, "{}"),
           entry(1, 100, "5"),
           entry(1, 100, R"("x")"),
           entry(1, 100, R"({"rtt":1e30})"),
           entry(-1, 100, ""),
           R"({"type":"traceroute"})" + good,
           R"({"type":"ping","prb_id":1.5,"timestamp":1,"result":[]})" + std::string{},
           R"({"prb_id":"1","timestamp":1,"result":[]})" + std::string{},
           R"({"prb_id":1,"timestamp":99999999999,"result":[]})" + std::string{},
           std::string{"{\"a\":\"\xFF\"}"},
           std::string(100, '[')}) {
    INFO(text);
    CHECK(bad(text).find("a:2: found ") == 0);
  }
  CHECK(imported("").find("found no results") != std::string::npos);
  CHECK(imported("[]").find("found no results") != std::string::npos);
  CHECK(imported("[" + good) ==
        "a:1: found the end of the file within the JSON behind result 1, expected the rest of it: "
        "the text is truncated");
}
