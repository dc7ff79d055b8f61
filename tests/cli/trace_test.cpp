#include "cli/arguments.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

using lanrage::cli::test::listen_to;
namespace fs = std::filesystem;

namespace {

struct folder {
  fs::path path;
  folder() {
    auto name = (fs::temp_directory_path() / "lanrage-trace-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~folder() { fs::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream{path / name, std::ios::binary} << text;
    return at(name);
  }
  std::string at(const std::string& name) const { return (path / name).string(); }
};

struct said {
  int code = -1;
  std::string out;
  std::string err;
};

/// `lanrage trace ...`.
said trace(std::vector<std::string> words) {
  words.insert(words.begin(), {"lanrage", "trace"});
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  said got;
  const auto heard =
      listen_to([&] { got.code = lanrage::cli::run(static_cast<int>(argv.size()), argv.data()); });
  got.out = heard.out;
  got.err = heard.err;
  return got;
}

} // namespace

TEST_CASE("trace import writes a trace and prints its figures as info does") {
  const folder in;
  const auto rows = in.file("rows.txt", "10.0\t1\t5.5\n11.0\t2\t-1\n12.0\t4\t6.5\n");
  const auto made = trace({"import",
                           "columns",
                           rows,
                           "-o",
                           in.at("o.ltr"),
                           "--delimiter",
                           "\t",
                           "--time",
                           "1",
                           "--time-unit",
                           "s",
                           "--rtt",
                           "3",
                           "--rtt-unit",
                           "ms",
                           "--seq",
                           "2",
                           "--lost-value",
                           "-1,-7",
                           "--json"});
  CHECK(made.err.empty());
  CHECK(made.code == 0);
  CHECK(made.out == R"({"links":1,"samples":2,"lost":2,"unknown":0,"min_ns":5500000,)"
                    R"("p50_ns":6500000,"p99_ns":6500000,"max_ns":6500000,"sum_ns":12000000,)"
                    R"("span_ns":2000000000})"
                    "\n");
  CHECK(trace({"info", in.at("o.ltr"), "--json"}).out == made.out);
  CHECK(trace({"info", in.at("o.ltr")}).out ==
        "o.ltr  1 link, 2 samples, 2 lost, 0 unknown, 2 s\n"
        "  min 5.5 ms, median 6.5 ms, 99 % 6.5 ms, max 6.5 ms (there and back)\n"
        "  name  rows.txt\n"
        "  format  columns\n");
  CHECK(trace({"check", in.at("o.ltr")}).code == 0);
}

TEST_CASE("trace with bad input ends with 2, says where, and leaves no file") {
  const folder in;
  const auto rows = in.file("rows.txt", "10.0,5\n9.0,6\n");
  const auto got = trace({"import", "columns", rows, "-o", in.at("o.ltr"), "--time", "1",
                          "--time-unit", "s", "--rtt", "2", "--rtt-unit", "ms"});
  CHECK(got.code == 2);
  CHECK(got.out.empty());
  CHECK(got.err == "lanrage: " + rows +
                       ":2: found '9.0' in column 1, earlier than the line before, expected lines "
                       "in the order of time\n");
  CHECK(std::distance(fs::directory_iterator{in.path}, fs::directory_iterator{}) == 1);
  const auto broken = trace({"check", in.file("b.ltr", "ltr 1\n"), "--json"});
  CHECK(broken.code == 2);
  CHECK(broken.out.find(R"({"error":{"code":"bad_input","text":")") == 0);
  CHECK(trace({"info", in.at("gone.ltr")}).code == 1);
}

TEST_CASE("what trace cannot know it asks for") {
  const folder in;
  const auto rows = in.file("m.txt", "0 1\n2 0\n");
  const auto out = in.at("o.ltr");
  CHECK(trace({"import", "matrix", rows, "-o", out, "--interval", "15.7s"}).code == 2);
  CHECK(trace({"import", "matrix", rows, "-o", out, "--rtt-unit", "s"}).code == 2);
  CHECK(trace({"import", "matrix", rows, "-o", out, "--rtt-unit", "h", "--interval", "1s"}).code ==
        2);
  CHECK(trace({"import", "columns", rows, "-o", out, "--rtt", "1"}).code == 2);
  CHECK(
      trace({"import", "columns", rows, "-o", out, "--rtt", "1", "--rtt-unit", "ms", "--time", "2"})
          .code == 2);
  CHECK(trace({"import", "matrix", rows, rows, "-o", out, "--rtt-unit", "ms", "--interval", "1s"})
            .code == 0);
  CHECK(trace({"import", "ping", rows, rows, "-o", out}).code == 2);
}

TEST_CASE("trace gen and cut make traces") {
  const folder in;
  const auto whole = in.at("w.ltr"), part = in.at("p.ltr");
  CHECK(trace({"gen", "mesh", "-o", whole, "--seed", "3", "--nodes", "4", "--end", "wrap"}).code ==
        0);
  CHECK(trace({"cut", whole, "-o", part, "--from", "15.7s", "--to", "1m", "--link", "3", "--link",
               "0"})
            .code == 0);
  CHECK(trace({"info", part}).out.find("2 links, ") != std::string::npos);
  CHECK(trace({"gen", "other", "-o", whole}).code == 2);
}
