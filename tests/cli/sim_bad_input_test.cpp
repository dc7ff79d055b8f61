#include "lab/process.hpp"
#include "tests/cli/programs.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace lanrage;
using cli::test::folder;

/// Evil files from the command line: exit code 2, one sentence with the place and what was
/// expected, and never a crash.
namespace {

std::string good(const std::string& more = {}) {
  return "description = \"x\"\nuntil = \"2s\"\n[[relay]]\nname = \"r\"\n[[member]]\nname = \"a\"\n"
         "[[member]]\nname = \"b\"\n[[party]]\nname = \"p\"\ncreator = \"a\"\nmembers = \"b\"\n" +
         more;
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i)
    out += text;
  return out;
}

struct evil {
  std::string file; ///< its name says what it is
  std::string text;
  std::string says; ///< behind the file's name
};

void check(const folder& in, const evil& each, std::vector<std::string> command) {
  {
    std::ofstream out{in.path / each.file, std::ios::binary};
    out << each.text;
  }
  command.insert(command.begin(), lanrage::places::program);
  for (auto& word : command)
    if (word == "FILE") word = (in.path / each.file).string();
  const auto got = lab::run_command(command, {}, std::chrono::minutes{1});
  INFO(each.file << ": " << got.err);
  CHECK(got.status.signal == 0);
  CHECK(got.status.code == 2);
  CHECK(got.err.find(each.file + each.says) != std::string::npos);
  CHECK(got.err.find("expected") != std::string::npos);
}

} // namespace

TEST_CASE("evil scenarios are refused with place and expectation") {
  const folder in;
  const std::vector<evil> files{
      {"empty.toml", "", ":1:1: found the scenario without description"},
      {"nul.toml", std::string(1'000, '\0'), ":1:1: found no TOML"},
      {"latin1.toml", "description = \"caf\xe9\"\n", ":1:18: found no TOML"},
      {"cut.toml", good().substr(0, good().size() - 4), ":12:"},
      {"endless-key.toml", "a" + repeated(".a", 200'000) + " = 1", ":1:32: found a key of more"},
      {"deep.toml", "a = " + repeated("[", 100'000), ":1:"},
      {"forever.toml", "description = \"x\"\nuntil = \"99999999999999999999d\"\n", ":2:9: found"},
      {"negative.toml", good("[[link]]\nbetween = [\"a\", \"b\"]\ndelay = \"-1ms\"\n"),
       ":15:9: found string \"-1ms\""},
      {"crowd.toml", good("[[member]]\nname = \"c\"\ncount = 1000000000\n"),
       ":15:9: found integer 1000000000"},
      {"gigantic.toml", good("#" + std::string(2'000'000, 'x')), ":1:1: found"},
      {"eventful.toml", good(repeated("[[event]]\nat = \"1s\"\ndo = \"heal\"\n", 20'000)),
       ":13:1: found 20000 of [[event]]"},
      {"loop.toml",
       good("[[nat]]\nname = \"x\"\nbehind = \"y\"\n[[nat]]\nname = \"y\"\nbehind = \"x\"\n"),
       ":15:10: found string \"y\""},
      {"terminal.toml", good("[[member]]\nname = \"\\u001b[31m\"\n"), ":14:8: found string"}};
  for (const auto& each : files)
    check(in, each, {"sim", "run", "FILE"});
  check(in, {"no-trace.toml", good(), ": found no trace that x.ltr could take the place of"},
        {"sim", "run", "FILE", "--trace", "x.ltr"});
}

TEST_CASE("evil traces are refused with place and expectation") {
  const folder in;
  const std::string head =
      "ltr 1\ntime unit=ns origin_unix_ns=none clock=recorded end=stop\nvalue quantity=rtt unit=ns "
      "split=half\nnode 0 label=a\nnode 1 label=b\nlink 0 a=0 b=1 dir=both max_age_ns=none fifo=no "
      "default=unreachable\nbody\n";
  const std::vector<evil> files{
      {"empty.ltr", "", ":1: found the end of the file"},
      {"cut.ltr", head + "s 0 0 5\n", ":9: found the end of the file"},
      {"backwards.ltr", head + "s 5 0 5\ns -1 0 5\n", ":9: found '-1'"},
      {"overflow.ltr", head + repeated("s 9223372036854775807 0 5\n", 2), ":8: found"},
      {"wide.ltr", head + std::string(1'000'000, '7'), ":8: found a line of more than 65536"},
      {"latin1.ltr", "ltr 1\nmeta x=\xe9\n", ":2: found octets that are no text"},
      {"damaged.ltr",
       head + "s 0 0 5\nend records=1 samples=1 lost=0 unknown=0 span_ns=0 sum_ns=5 "
              "hash=0000000000000000\n",
       ":9: found 'end records"},
      {"crowd.ltr",
       "ltr 1\ntime unit=ns origin_unix_ns=none clock=recorded end=stop\nvalue quantity=rtt "
       "unit=ns split=half\nmesh nodes=4000000000 max_age_ns=none fifo=no default=unreachable\n",
       ":4: found 'mesh'"}};
  for (const auto& each : files) {
    check(in, each, {"trace", "check", "FILE"});
    // The same as a scenario's trace: the trace's own line is named.
    const auto scenario = in.write("uses.toml", good("[traces]\nt = \"" + each.file +
                                                     "\"\n[[link]]\nbetween = [\"a\", \"b\"]\n"
                                                     "trace = \"t\"\n"));
    check(in, each, {"sim", "run", scenario.string()});
  }
}
