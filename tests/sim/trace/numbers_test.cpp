#include "sim/trace/numbers.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

TEST_CASE("decimal text becomes nanoseconds exactly") {
  CHECK(parse_decimal("0.21", 9) == 210'000'000);
  CHECK(parse_decimal("68.861995", 6) == 68'861'995);
  CHECK(parse_decimal("144", 6) == 144'000'000);
  CHECK(parse_decimal("0", 6) == 0);
  CHECK(parse_decimal(".5", 3) == 500);
  CHECK(parse_decimal("5.", 3) == 5'000);
  CHECK(parse_decimal("-3", 6) == -3'000'000);
  CHECK(parse_decimal("+1.5", 0) == 2);
  CHECK(parse_decimal("1694477135.6833403", 9) == 1'694'477'135'683'340'300);
}

TEST_CASE("what lies below a nanosecond is rounded half up, by its first digit") {
  CHECK(parse_decimal("154.24149999999997", 6) == 154'241'500);
  CHECK(parse_decimal("0.4", 0) == 0);
  CHECK(parse_decimal("0.5", 0) == 1);
  CHECK(parse_decimal("0.49999999999999999999999999999999", 0) == 0);
  CHECK(parse_decimal("-0.5", 0) == -1);
}

TEST_CASE("an exponent moves the point") {
  CHECK(parse_decimal("4.95e1", 6) == 49'500'000);
  CHECK(parse_decimal("15E-1", 3) == 1'500);
  CHECK(parse_decimal("1e-12", 9) == 0);
  CHECK(parse_decimal("5e-10", 9) == 1);
  CHECK(parse_decimal("0e999", 9) == 0);
  CHECK_FALSE(parse_decimal("1e999", 9));
  CHECK_FALSE(parse_decimal("1e", 9));
  CHECK_FALSE(parse_decimal("1e1000", 9));
}

TEST_CASE("text that is no number or too large is none") {
  for (const auto* text : {"", "-", ".", "1,5", "1 ", " 1", "0x10", "nan", "inf", "1.2.3", "--1",
                           "9223372036854775808", "99999999999999999999999"}) {
    INFO(text);
    CHECK_FALSE(parse_decimal(text, 0));
  }
  CHECK(parse_decimal("9223372036854775807", 0) == 9'223'372'036'854'775'807);
  CHECK_FALSE(parse_decimal("9223372036854775807.5", 0));
  CHECK_FALSE(parse_decimal("9223372037", 9));
}

TEST_CASE("a count has one way to be written") {
  CHECK(parse_count("0") == 0);
  CHECK(parse_count("9223372036854775807") == 9'223'372'036'854'775'807);
  for (const auto* text : {"", "00", "01", "-1", "+1", "1.0", "9223372036854775808", "1 "})
    CHECK_FALSE(parse_count(text));
}

TEST_CASE("a duration is a number and its unit") {
  CHECK(parse_duration("15.7s") == 15'700ms);
  CHECK(parse_duration("4m") == 4min);
  CHECK(parse_duration("14.7h") == 882min);
  CHECK(parse_duration("1d") == 24h);
  CHECK(parse_duration("250us") == 250us);
  CHECK(parse_duration("3ns") == 3ns);
  for (const auto* text : {"", "5", "s", "5 s", "-5s", "5sec", "1e3s", "300000000000d"})
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("a date stands year first or day first, in UTC") {
  CHECK(parse_datetime("2016-11-14 11:09:37") == 1'479'121'777'000'000'000);
  CHECK(parse_datetime("2016-11-14T11:09:37Z") == 1'479'121'777'000'000'000);
  CHECK(parse_datetime("14/11/2016 11:09") == 1'479'121'740'000'000'000);
  CHECK(parse_datetime("14.11.2016 11:09:37") == 1'479'121'777'000'000'000);
  CHECK(parse_datetime("09/10/2016 07:56") == parse_datetime("2016-10-09 07:56:00"));
  CHECK(parse_datetime("1970-01-01 00:00:00.000000001") == 1);
  for (const auto* text :
       {"", "2016-13-14 11:09:37", "2016-02-30 11:09:37", "11/14/2016 11:09", "2016-11-14",
        "2016-11-14 24:00:00", "2016-11-14 11:60:00", "2016-11-14 11:09:37+01", "1969-12-31 00:00",
        "9999-01-01 00:00", "14-11-2016 11:09", "2016-11-14 1:09", "14/11.2016 11:09",
        "2016-11-14 11:09:37."}) {
    INFO(text);
    CHECK_FALSE(parse_datetime(text));
  }
}
