// `lanrage demo` as people start it: the story, and nothing left of it however it ends.

#include "lab/failure.hpp"
#include "lab/laboratory.hpp"
#include "lab/party.hpp"
#include "tests/lab/require_lab.hpp"
#include "tests/support/places.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

using namespace lanrage::lab;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr const char* mark_name = "LANRAGE_TEST_RUN";

/// A folder of its own, gone at the end.
struct scratch {
  fs::path path;
  scratch() {
    std::string name = (fs::temp_directory_path() / "lanrage-demo-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp");
    path = name;
  }
  ~scratch() { fs::remove_all(path); }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
};

std::string contents(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// One run of the demo, and how to tell what is of it: every process inherits a mark.
class demo_run {
 public:
  explicit demo_run(const std::string& mark, std::map<std::string, std::string> environment = {})
      : mark_(std::string{mark_name} + "=" + mark) {
    namespaces_ = netns_names("lr");
    interfaces_ = must_run({{"ip", "-o", "link"}, {}, {}, to_pipe{}, to_null{}});
    process_spec spec;
    spec.argv = {lanrage::places::program, "demo", "--json"};
    spec.env = std::move(environment);
    spec.env[mark_name] = mark;
    fs::create_directory(folder_.path / "tmp");
    spec.env["TMPDIR"] = (folder_.path / "tmp").string();
    spec.err = to_file{progress()};
    program_ = process{spec};
  }

  fs::path progress() const { return folder_.path / "progress"; }
  /// Waits for a step; false when it does not come.
  bool says(const std::string& step) {
    const auto end = process::clock::now() + 60s;
    while (contents(progress()).find(step) == std::string::npos)
      if (program_.wait_for(5ms) || process::clock::now() > end)
        return contents(progress()).find(step) != std::string::npos;
    return true;
  }
  process& program() { return program_; }
  /// The one line on standard output, once it has ended.
  std::string line() { return program_.read_line(process::clock::now() + 120s).value_or(""); }

  /// Names whatever there is of it now that was not there before; empty: nothing.
  std::string left() const {
    std::string out;
    for (const auto& name : netns_names("lr"))
      if (std::find(namespaces_.begin(), namespaces_.end(), name) == namespaces_.end())
        out += "namespace " + name + "\n";
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator{"/proc", gone}) {
      const auto environment = contents(entry.path() / "environ");
      if (environment.find(mark_) != std::string::npos)
        out +=
            "process " + entry.path().filename().string() + " " + contents(entry.path() / "comm");
    }
    for (const auto& entry : fs::directory_iterator{folder_.path / "tmp"})
      out += "file " + entry.path().string() + "\n";
    if (namespaces_.empty() && fs::exists("/run/lanrage-lab")) out += "/run/lanrage-lab\n";
    if (must_run({{"ip", "-o", "link"}, {}, {}, to_pipe{}, to_null{}}) != interfaces_)
      out += "network interfaces\n";
    if (contents("/proc/net/unix").find("lanrage.sock") != std::string::npos) out += "a socket\n";
    return out;
  }

 private:
  scratch folder_;
  std::string mark_;
  std::vector<std::string> namespaces_;
  std::string interfaces_;
  process program_;
};

} // namespace

TEST_CASE("the demo is ok, says so in one line, and leaves nothing") {
  if (skipped(wireguard_unavailable_reason())) return;
  demo_run run{"whole"};
  REQUIRE(run.says("laboratory: "));
  CHECK(run.left().find("process ") != std::string::npos); // the check sees what it looks for
  CHECK(run.left().find("namespace ") != std::string::npos);
  const auto line = run.line();
  INFO(line << "\n" << contents(run.progress()));
  const auto ended = run.program().wait_for(10s);
  REQUIRE(ended);
  CHECK(ended->ok());
  CHECK(line.starts_with(R"({"demo":"ok","peers":3,"pairs":[)"));
  CHECK(line.find(R"("nat":"port-restricted/port-restricted","strategy":"direct")") !=
        std::string::npos);
  CHECK(line.find(R"("daemon_kill":{"lost_packets":0})") != std::string::npos);
  CHECK(run.left() == "");
}

TEST_CASE("Ctrl-C in the middle of the demo leaves nothing") {
  if (skipped(wireguard_unavailable_reason())) return;
  for (const auto* step : {"laboratory: ", "servers: ", "p2 joined", "killing relay"}) {
    demo_run run{"interrupted"};
    REQUIRE(run.says(step));
    run.program().signal(SIGINT);
    const auto ended = run.program().wait_for(15s);
    INFO(step << "\n" << contents(run.progress()));
    REQUIRE(ended);
    CHECK(ended->code == 128 + SIGINT);
    CHECK(run.left() == "");
  }
}

TEST_CASE("a demo that fails half-way says why and leaves nothing") {
  if (skipped(wireguard_unavailable_reason())) return;
  const scratch bin;
  { std::ofstream{bin.path / "wg"} << "#!/bin/sh\nexit 1\n"; }
  ::chmod((bin.path / "wg").c_str(), 0755);
  demo_run run{"broken", {{"PATH", bin.path.string() + ":" + std::getenv("PATH")}}};
  const auto line = run.line();
  INFO(line << "\n" << contents(run.progress()));
  const auto ended = run.program().wait_for(10s);
  REQUIRE(ended);
  CHECK(ended->code == 1);
  CHECK(line.starts_with(R"({"demo":"failed")"));
  CHECK(line.find(R"("problems":[")") != std::string::npos);
  CHECK(run.left() == "");
}
