#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

std::string imported(const std::string& text, const columns_options& how) {
  text_sink to;
  const auto done = import_columns(text_input("c", text), how, to);
  if (!done) return to_string(done.error());
  REQUIRE(says(to.text) == "good");
  return body_of(to.text);
}

columns_options times_and_rtts() {
  columns_options how;
  how.time = column_name{"1"};
  how.time_in = time_unit::s;
  how.rtt = {"2"};
  how.rtt_unit = unit::ms;
  return how;
}

} // namespace

TEST_CASE("a line is a sample at its time, which counts from the first line's") {
  text_sink to;
  import_columns(text_input("c", "10.5,3\n11.75,4.25\n"), times_and_rtts(), to).value();
  CHECK(body_of(to.text) == "s 0 0 3000000\ns 1250000000 0 4250000\n");
  const auto head = reader::open(text_input("t", to.text))->head();
  CHECK(head.origin_unix_ns == 10'500'000'000);
  CHECK(head.clock == clock_kind::recorded);
}

TEST_CASE("columns have names in the first line, or numbers") {
  auto how = times_and_rtts();
  how.text.delimiter = ';';
  how.time = column_name{"epoch"};
  how.time_in = time_unit::datetime;
  how.rtt = {"rtt"};
  CHECK(imported("epoch;rtt;cp\r\n09/10/2016 07:56;1;0\r\n09/10/2016 07:57;2;0", how) ==
        "s 0 0 1000000\ns 60000000000 0 2000000\n");
  CHECK(imported("epoch;rtt;rtt\n", how).find("c:1: found two columns 'rtt'") == 0);
  CHECK(imported("epoch;x\n", how).find("c:1: found no column 'rtt'") == 0);
  how.rtt = {"2"};
  CHECK(imported("epoch;x\n2016-10-09 07:56;7\n", how) == "s 0 0 7000000\n");
  how.rtt = {"0"};
  CHECK(imported("epoch;x\n", how).find("c:1: found no column '0'") == 0);
}

TEST_CASE("a blank delimiter is any run of blanks and tabs") {
  auto how = times_and_rtts();
  how.text.delimiter = ' ';
  CHECK(imported("  1 \t 3 x \n2    4\n", how) == "s 0 0 3000000\ns 1000000000 0 4000000\n");
}

TEST_CASE("fields may stand in quotes") {
  auto how = times_and_rtts();
  how.mark = column_name{"3"};
  CHECK(imported("1,\"3\",\"say \"\"go\"\", now\"\n", how) ==
        "m 0 3%3Dsay%20%22go%22,%20now\ns 0 0 3000000\n");
  for (const auto* line : {"1,\"3,x\n", "1,\"3\"4,x\n", "1,\"3\"\"\n"}) {
    INFO(line);
    CHECK(imported(line, how).find("c:1: found ") == 0);
  }
}

TEST_CASE("a marker is text that every reader of the trace takes") {
  auto how = times_and_rtts();
  how.mark = column_name{"3"};
  CHECK(imported("1,3,\x01(\n", how).find("c:1: found ") == 0);
  // 79 octets and a character of two: it is left out whole.
  const std::string most(79, 'a');
  CHECK(imported("1,3," + most + "\xc3\xa4\n", how) == "m 0 3%3D" + most + "\ns 0 0 3000000\n");
}

TEST_CASE("codes are lost or unknown, and compare as numbers") {
  auto how = times_and_rtts();
  how.codes = {{"-3", "-7"}, {"-4", "NaN", ""}};
  CHECK(imported("1,-3\n2,-7.0\n3,-4\n4,NaN\n5,\n6,1\n", how) ==
        "l 0 0\nl 1000000000 0\nu 1000000000 0 -4\nu 1000000000 0 NaN\n"
        "u 1000000000 0 unmeasured\ns 1000000000 0 1000000\n");
}

TEST_CASE("a negative latency that nobody named is an error") {
  CHECK(
      imported("1,5\n2,-1\n", times_and_rtts()) ==
      "c:2: found '-1' in column 2, expected a latency of 0 to 1 h (no lost or unknown values are "
      "given)");
}

TEST_CASE("gaps in the sequence are losses at even distances") {
  auto how = times_and_rtts();
  how.sequence = column_name{"3"};
  CHECK(imported("1,5,10\n2,6,13\n", how) ==
        "s 0 0 5000000\nl 333333333 0\nl 333333333 0\ns 333333334 0 6000000\n");
  CHECK(imported("1,5,10\n2,6,10\n", how).find("c:2: found '10' in column 3 behind 10") == 0);
  CHECK(imported("1,5,10\n2,6,9\n", how).find("c:2: ") == 0);
  CHECK(imported("1,5,1\n2,6,99999999999\n", how).find("c:2: ") == 0);
  CHECK(imported("1,5,x\n", how).find("c:1: ") == 0);
}

TEST_CASE("a line may sum up a burst") {
  auto how = times_and_rtts();
  how.loss_percent = column_name{"3"};
  how.sent = column_name{"4"};
  CHECK(imported("1,5,0.8,250\n2,,100,2\n", how) ==
        "s 0 0 5000000\nl 0 0\nl 0 0\nl 1000000000 0\nl 0 0\n");
  CHECK(imported("1,5,101,250\n", how).find("c:1: found '101' in column 3") == 0);
  CHECK(imported("1,5,-1,250\n", how).find("c:1: ") == 0);
  CHECK(imported("1,5,1,9999999\n", how).find("c:1: ") == 0);
}

TEST_CASE("without a clock lines have a stated interval or follow each other's answers") {
  columns_options how;
  how.rtt = {"1"};
  how.rtt_unit = unit::ms;
  CHECK(imported("16.5\n6.25\n1\n", how) == "s 0 0 16500000\ns 16500000 0 6250000\ns 6250000 0 "
                                            "1000000\n");
  how.interval = 2s;
  CHECK(imported("16.5\n6.25\n", how) == "s 0 0 16500000\ns 2000000000 0 6250000\n");
}

TEST_CASE("lines out of the order of time are an error") {
  CHECK(imported("5,1\n4,1\n", times_and_rtts()) ==
        "c:2: found '4' in column 1, earlier than the line before, expected lines in the order of "
        "time");
}

TEST_CASE("what is no table is an error with its line") {
  const auto how = times_and_rtts();
  CHECK(imported("", how) == "c:1: found no lines, expected at least one with a latency");
  for (const auto& line :
       std::vector<std::string>{"x,1", "2", "2,", "2,x", "2,1e40", "2,3600001", "-2,1",
                                "99999999999,1", "2,\xFF", "2,1\n\n3,1", "400000000,1"}) {
    INFO(line);
    CHECK(imported("1,1\n" + line + "\n", how).find("found ") != std::string::npos);
    CHECK(imported("1,1\n" + line + "\n", how).find("c:1") == std::string::npos);
  }
  CHECK(imported("1,1\n\n \n", how) == "s 0 0 1000000\n");
}
