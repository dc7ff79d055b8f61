#include "cli/terminal.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <sstream>

using namespace lanrage::cli;

TEST_CASE("a table aligns its columns and leaves no spaces at the end") {
  table t{{{"PEER"}, {"LATENCY", table::align::right}, {"REASON"}}};
  t.add({{"bob"}, {"5.0 ms"}, {""}});
  t.add({{"a-longer-name"}, {"-"}, {"why"}});
  std::ostringstream out;
  t.print(out, false);
  CHECK(out.str() == "PEER           LATENCY  REASON\n"
                     "bob             5.0 ms\n"
                     "a-longer-name        -  why\n");
}

TEST_CASE("colours do not change a table's widths") {
  table t{{{"A"}, {"B"}}};
  t.add({{"x", style::good}, {"y"}});
  std::ostringstream out;
  t.print(out, true);
  CHECK(out.str() == "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[32mx\x1b[0m  y\n");
}

TEST_CASE("letters of more than one octet take one column") {
  table t{{{"A"}, {"B"}}};
  t.add({{"\xc3\xa4"}, {"y"}}); // an umlaut
  std::ostringstream out;
  t.print(out, false);
  CHECK(out.str() == "A  B\n\xc3\xa4  y\n");
}

TEST_CASE("text from elsewhere cannot drive the terminal") {
  CHECK(printable("a\x1b[2Jb\x7f\r\n") == "a?[2Jb???");
  CHECK(printable("a\nb", true) == "a\nb");
  CHECK(printable("\xc2\x9b[2J") == "?[2J"); // CSI as one character
  CHECK(printable("f\xc3\xa9") == "f\xc3\xa9");
}

TEST_CASE("no colours where output is not a terminal, nor with NO_COLOR") {
  // Under ctest standard output is a pipe.
  ::setenv("TERM", "xterm", 1);
  ::setenv("NO_COLOR", "1", 1);
  CHECK_FALSE(wants_colors());
  ::unsetenv("NO_COLOR");
  CHECK(styled("x", style::bad, false) == "x");
  CHECK(styled("x", style::bad, true) == "\x1b[31mx\x1b[0m");
}
