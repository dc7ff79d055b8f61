#include "sim/report/markup.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim::report;
using namespace std::chrono_literals;

TEST_CASE("what a page quotes cannot leave its place") {
  CHECK(escaped("<script>&\"'") == "&lt;script&gt;&amp;&quot;&#39;");
  CHECK(escaped("a\u2013b") == "a\u2013b");
  CHECK(escaped(std::string{"a\0b\x1b", 4}) == "a\ufffdb\ufffd");
  CHECK(escaped("\xff") == "\ufffd");
  CHECK(escaped("\xc3") == "\ufffd");                     // cut off
  CHECK(escaped("\xc0\xaf") == "\ufffd\ufffd");           // a slash the long way
  CHECK(escaped("\xed\xa0\x80") == "\ufffd\ufffd\ufffd"); // half of a surrogate pair
  CHECK(element("rect", "x=\"1\"", "<b>") == "<rect x=\"1\"><title>&lt;b&gt;</title></rect>\n");
}

TEST_CASE("times are said with about three digits") {
  CHECK(time_text(0ns) == "0 ms");
  CHECK(time_text(850us) == "850 us");
  CHECK(time_text(12'340us) == "12.3 ms");
  CHECK(time_text(1250ms) == "1.25 s");
  CHECK(time_text(90s) == "90 s");
  CHECK(time_text(245s) == "4 min 05 s");
  CHECK(time_text(24h) == "24 h");
  CHECK(time_text(23h + 10min) == "23 h 10 min");
  CHECK(percent_text(1'000'000) == "100 %");
  CHECK(percent_text(2'500) == "0.25 %");
  CHECK(count_text(1'234'567) == "1,234,567");
  CHECK(count_text(999) == "999");
}

TEST_CASE("axes have round marks, about as many as asked for") {
  for (const auto most :
       std::vector<lanrage::sim::duration>{3ms, 170ms, 1s, 100s, 5min, 1h, 24h, 30 * 24h}) {
    const auto marks = axis_marks(most, 10);
    CHECK(marks.size() >= 3);
    CHECK(marks.size() <= 11);
    CHECK(marks.back() <= most);
  }
  CHECK(axis_marks(5min, 10)[1] == 30s);
}
