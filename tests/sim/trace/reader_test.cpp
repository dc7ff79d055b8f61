#include "tests/sim/trace/trace_text.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace lanrage::test;
using namespace lanrage::sim::trace;
using namespace std::chrono_literals;

namespace {

const std::string mesh = "ltr 1\n"
                         "meta name=three%20nodes\n"
                         "time unit=ns origin_unix_ns=1 clock=nominal end=wrap\n"
                         "value quantity=owd unit=ns\n"
                         "node 0 label=a\n"
                         "node 1 label=Z%C3%BCrich\n"
                         "node 2 label=c\n"
                         "mesh nodes=3 max_age_ns=5 fifo=yes default=7\n"
                         "body\n";
const std::string all_kinds = "s 0 0 5\nl 1 0\nl 0 0 9\nu 2 0 gap\nm 0 level%20shift\nd 3 0\n"
                              "r 4 0\ns 1 0 0\n";

} // namespace

TEST_CASE("what is read and written again is the same, octet by octet") {
  for (const auto& text :
       {closed(one_link), closed(one_link + all_kinds), closed(mesh),
        closed(mesh + "x 0 3\n. 1 2\n* . -\n0 5 .\ns 9 5 1\nx 1 3\n. 1 2\n3 . 4\n5 6 .\n"),
        closed(with(one_link, "split=half", "split=ratio:2/5") + "s 0 0 1\n"),
        closed(with(one_link, "max_age_ns=none fifo=no default=unreachable",
                    "max_age_ns=0 fifo=yes default=1"))}) {
    CHECK(says(text) == "good");
    CHECK(copied(text) == text);
  }
}

TEST_CASE("a reader counts what it reads") {
  auto trace = reader::open(text_input("t", closed(one_link + all_kinds))).value();
  std::string kinds;
  for (auto next = trace.next().value(); next; next = trace.next().value())
    kinds += "sludrmx"[static_cast<int>(next->kind)];
  CHECK(kinds == "sllumdrs");
  const auto& seen = trace.seen();
  CHECK(seen.records == 8);
  CHECK(seen.samples == 2);
  CHECK(seen.lost == 2);
  CHECK(seen.unknown == 1);
  CHECK(seen.sum == 5);
  CHECK(seen.span == 11ns);
  CHECK(seen.length() == 12ns);
}

TEST_CASE("a block is its cells in the order of the mesh's links") {
  auto trace = reader::open(text_input("t", closed(mesh + "x 3 3\n. 1 2\n* . -\n0 5 .\n"))).value();
  CHECK(trace.next().value()->kind == record_kind::block);
  std::string cells;
  for (auto next = trace.next().value(); next; next = trace.next().value()) {
    const auto way = trace.head().at(next->link);
    CHECK(next->cell);
    CHECK(next->time == 3ns);
    CHECK(trace.head().between(way.a, way.b) == next->link);
    cells += std::to_string(index(way.a)) + std::to_string(index(way.b)) +
             "slu"[static_cast<int>(next->kind)] + std::to_string(next->value.count()) + ' ';
  }
  CHECK(cells == "01s1 02s2 10l0 12u0 20s0 21s5 ");
}

TEST_CASE("a truncated trace is an error at every place where it may end") {
  const auto whole = closed(mesh + "x 0 3\n. 1 2\n* . -\n0 5 .\ns 9 5 1\n");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    REQUIRE(says(whole.substr(0, size)) != "good");
  }
  CHECK(says(whole) == "good");
  CHECK(says(one_link + "s 0 0 1\n") ==
        "t:9: found the end of the file, expected a record (s l u d r m x) or the trailer "
        "'end ...': the trace is truncated");
}

TEST_CASE("any octet changed anywhere is noticed") {
  const auto whole = closed(mesh + "x 0 3\n. 1 2\n* . -\n0 5 .\ns 9 5 1\n");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    INFO(i << ": " << damaged);
    REQUIRE(says(damaged) != "good");
  }
}

TEST_CASE("each wrong line says where it is and what was expected") {
  const auto bad = [](const std::string& line) {
    return says(one_link + "s 0 0 1\n" + line + "\n");
  };
  CHECK(bad("z 0 0 1") ==
        "t:9: found 'z 0 0 1', expected a record (s l u d r m x) or the trailer 'end ...'");
  CHECK(bad("s 0 1 1") == "t:9: found '1', expected a link of the header, 0 to 0");
  CHECK(bad("s 0 0 -1") ==
        "t:9: found '-1', expected nanoseconds, a whole number from 0 to 3600000000000");
  for (const auto* line : {"",
                           "s",
                           "s 0",
                           "s 0 0",
                           "s 0 0 1 ",
                           "s 0 0  1",
                           "s 0 0 01",
                           "s -1 0 1",
                           "s 0 0 1.5",
                           "s 0 0 3600000000001",
                           "s 999999999999999999 0 1",
                           "s 99999999999999999999 0 1",
                           "S 0 0 1",
                           "l 0 0 0",
                           "l 0 0 x",
                           "l 0 0 1 1",
                           "u 0 0",
                           "u 0 0 ",
                           "u 0 0 a b",
                           "m 0",
                           "m 0 ",
                           "m 0 a b",
                           "m 0 %0A",
                           "d 0 0 1",
                           "r 0 0",
                           "x 0 2",
                           "s 0 0 1\r",
                           "meta a=b",
                           "body",
                           "end",
                           "s 0 0 \xC3\xA9",
                           "s 0 0 \xFF"}) {
    INFO(line);
    CHECK(bad(line).substr(0, 11) == "t:9: found ");
  }
}

TEST_CASE("a link that is down has no measurements until it is restored") {
  CHECK(says(closed(one_link + "d 0 0\nr 5 0\nd 0 0\n")) == "good");
  CHECK(says(one_link + "d 0 0\ns 0 0 1\n").find("t:9: found a measurement on link 0") == 0);
  CHECK(says(one_link + "d 0 0\nd 0 0\n").find("t:9: found a link going down twice") == 0);
  CHECK(says(one_link + "r 0 0\n").find("t:8: found a restored link that is not down") == 0);
}

TEST_CASE("a row of a block has its cells, and its dot where a node would meet itself") {
  const auto bad = [](const std::string& rows) { return says(mesh + "x 0 3\n" + rows); };
  for (const auto* rows :
       {"1 . 2\n", ". 1\n", ". 1 2 3\n", ". 1 2\n. 1 2\n", ". 1  2\n", ". 1 2 \n", " . 1 2\n",
        ". 1 x\n", ". 1 -1\n", ". 1 2\n1 . 2\n1 2 3\n", ". 1 2\n1 . 2\n1 2 . 4\n", "\n"}) {
    INFO(rows);
    CHECK(bad(rows).find("found ") != std::string::npos);
    CHECK(bad(rows).find("truncated") == std::string::npos);
  }
  CHECK(bad(". 1 2\n").find("row 1 of the matrix: the trace is truncated") != std::string::npos);
}

TEST_CASE("each wrong header line says where it is and what was expected") {
  CHECK(says("") == "t:1: found the end of the file, expected 'ltr 1'");
  CHECK(says("ltr 2\n") == "t:1: found 'ltr 2', expected 'ltr 1', a latency trace version 1");
  CHECK(says("ltr 1\nvalue x\n") == "t:2: found 'value', expected 'meta' or 'time'");
  const auto bad = [](std::string_view old, std::string_view other) {
    return says(with(one_link, old, other));
  };
  CHECK(bad("b=1", "b=2") == "t:6: found '2', expected a node declared above, a whole number from "
                             "0 to 1");
  for (const auto& [old, other] : std::vector<std::pair<std::string, std::string>>{
           {"unit=ns origin", "unit=us origin"},
           {"origin_unix_ns=none", "origin_unix_ns=-1"},
           {"clock=nominal", "clock=mine"},
           {"end=stop", "end=never"},
           {"end=stop", "end=stop x=y"},
           {"quantity=rtt", "quantity=jitter"},
           {"split=half", "split=ratio:2/2"},
           {" split=half", ""},
           {"node 1", "node 2"},
           {"label=b", "label="},
           {"label=b", "label=%00"},
           {"b=1", "b=0"},
           {"dir=both", "dir=a<b"},
           {"max_age_ns=none", "max_age_ns=99999999999999999999"},
           {"fifo=no", "fifo=maybe"},
           {"default=unreachable", "default=3600000000001"},
           {"link 0", "link 1"},
           {"body", "body "},
           {"node 1 label=b\n", ""}}) {
    INFO(old << " -> " << other);
    CHECK(bad(old, other).find("found ") != std::string::npos);
    CHECK(bad(old, other).find("truncated") == std::string::npos);
  }
  CHECK(says(with(mesh, "nodes=3", "nodes=2")).find("t:8: found a mesh of 2 nodes") == 0);
}

TEST_CASE("a trace that claims more than the limits is refused before it costs memory") {
  CHECK(says(with(one_link, "node 0", "node 65536")).find("t:4: ") == 0);
  CHECK(says(with(one_link, "link 0", "link 1048576")).find("t:6: ") == 0);
  std::string metas;
  for (int i = 0; i < 65; ++i)
    metas += "meta a=b\n";
  CHECK(says(with(one_link, "time ", metas + "time ")).find("t:66: found one more meta") == 0);
  CHECK(says(with(one_link, "time ", "meta a=" + std::string(1'025, 'x') + "\ntime "))
            .find("t:2: ") == 0);
}

TEST_CASE("nothing follows the trailer") {
  CHECK(says(closed(one_link) + "\n").find("t:9: found '', expected the end of the file") == 0);
}

TEST_CASE("a file that is not there or no file is the system's failure") {
  const auto gone = reader::open(std::filesystem::path{"/nonexistent/a.ltr"});
  REQUIRE(gone.has_error());
  CHECK(to_string(gone.error()) == "/nonexistent/a.ltr: cannot open: No such file or directory");
  CHECK(gone.error().what == problem::kind::system);
  CHECK(reader::open(std::filesystem::path{"/"}).has_error());
}
