#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

matrix_options in_ms() {
  matrix_options how;
  how.rtt_unit = unit::ms;
  how.interval = 2s;
  return how;
}

std::string matrix(const std::vector<std::string>& slices, const matrix_options& how = in_ms()) {
  std::vector<input> from;
  for (const auto& each : slices)
    from.push_back(text_input("m" + std::to_string(from.size()), each));
  text_sink to;
  const auto done = import_matrix(from, how, to);
  if (!done) return to_string(done.error());
  REQUIRE(says(to.text) == "good");
  return body_of(to.text);
}

std::string pairs(const std::string& text) {
  pairs_options how;
  how.from = {"a"};
  how.to = {"b"};
  how.rtt = {"avg"};
  how.rtt_unit = unit::ms;
  how.codes = {{"-1"}, {"-2"}};
  text_sink to;
  const auto done = import_pairs(text_input("p", text), how, to);
  if (!done) return to_string(done.error());
  REQUIRE(says(to.text) == "good");
  std::string out;
  const auto head = reader::open(text_input("t", to.text))->head();
  for (const auto& each : head.links)
    out += head.nodes[index(each.a)] + '>' + head.nodes[index(each.b)] + ' ';
  return out + body_of(to.text);
}

} // namespace

TEST_CASE("a matrix is a block, and its diagonal is nobody's business") {
  CHECK(matrix({"0\t1\t2\n9\t0\t-8\n3.5\t4\tx\n"}).find("m0:2: found '-8' in column 3") == 0);
  CHECK(matrix({"x\t1\t2\n"}).find("m0:") == 0);
  CHECK(matrix({"0\t1\t2\n9\tx\t8\n3.5\t4\t-7\n"}) ==
        "x 0 3\n. 1000000 2000000\n9000000 . 8000000\n3500000 4000000 .\n");
}

TEST_CASE("slices follow each other at the stated interval") {
  CHECK(matrix({"0 1\n2 0\n", "0 3\n4 0\n\n"}) ==
        "x 0 2\n. 1000000\n2000000 .\nx 2000000000 2\n. 3000000\n4000000 .\n");
  CHECK(matrix({"0 1\n2 0\n", "0 1 2\n3 0 4\n5 6 0\n"}).find("m1:1: found other nodes") == 0);
}

TEST_CASE("a corner that is no number has names beside and below it") {
  const std::string named = "From/to,A,B\nA,0,7\nB,8,0\n";
  CHECK(matrix({named}) == "x 0 2\n. 7000000\n8000000 .\n");
  CHECK(matrix({named, "From/to,A,C\nA,0,7\nC,8,0\n"}).find("m1:1: found other nodes") == 0);
  CHECK(matrix({"From/to,A,B\nB,8,0\nA,0,7\n"}) ==
        "m0:2: found the row of 'B', expected 'A', in the order of the columns");
}

TEST_CASE("codes of a matrix are lost or unknown cells") {
  auto how = in_ms();
  how.codes = {{"*"}, {"NaN", "-1"}};
  CHECK(matrix({"0;*;NaN\n-1;0;1\n1;1;0\n"}, how) ==
        "x 0 3\n. * -\n- . 1000000\n1000000 1000000 .\n");
}

TEST_CASE("a matrix that is not square or not whole is an error") {
  for (const auto& text :
       std::vector<std::string>{"", "\n", "5\n", "0 1\n", "0 1\n2 0\n3 4\n", "0 1\n2\n",
                                "0 1\n2 0 3\n", "0 1 2\n3 0 4\n", "0 x\n1 0\n", "0 1\n\xFF 0\n"}) {
    INFO(text);
    CHECK(matrix({text}).find("found ") != std::string::npos);
  }
  std::string wide = "0";
  for (int i = 0; i < 1'024; ++i)
    wide += " 1";
  CHECK(matrix({wide + "\n"}).find("m0:1: found a first line of 102") == 0);
}

TEST_CASE("a pair is a link, a node and itself is none") {
  CHECK(pairs("a,b,min,avg\nx,y,1,2\nx,x,0,0\ny,x,1,-1\ny,z,1,-2\n") ==
        "x>y y>x y>z s 0 0 2000000\nl 0 1\nu 0 2 -2\n");
}

TEST_CASE("what is no list of pairs is an error with its line") {
  CHECK(pairs("a,b,avg\nx,y,2\nx,y,3\n") ==
        "p:3: found the pair 'x', 'y' again, expected each pair once; it stands in line 2");
  for (const auto& text :
       std::vector<std::string>{"", "a,b,avg\n", "a,b\n", "a,b,avg\nx,y,z\n", "a,b,avg\n,y,1\n",
                                "a,b,avg\nx,y\n", "a,b,avg\nx,y,-3\n", "a,b,avg\nx\xFF,y,1\n"}) {
    INFO(text);
    CHECK(pairs(text).find("found ") != std::string::npos);
  }
}
