#include "cli/sim.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace lanrage::cli;
using test::listen_to;

namespace {

/// A scenario in a file of its own.
class scenario_file {
 public:
  explicit scenario_file(const std::string& more) {
    std::ofstream{path_} << "description = \"One alone.\"\nuntil = \"5s\"\n"
                            "[[member]]\nname = \"a\"\n"
                         << more;
  }
  ~scenario_file() {
    std::filesystem::remove(path_);
    std::filesystem::remove(log());
  }
  sim_options options() const {
    sim_options out;
    out.scenario = path_;
    return out;
  }
  std::filesystem::path log() const { return path_.string() + ".log"; }

 private:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                ("lanrage-sim-test-" + std::to_string(::getpid()) + ".toml");
};

/// The exit code, and what was said.
std::pair<sim_exit, std::string> run(const sim_options& what) {
  auto code = sim_exit::crashed;
  const auto said = listen_to([&] { code = sim_run(what); });
  return {code, said.out};
}

} // namespace

TEST_CASE("sim run ends with what its scenario came to") {
  sim_options nowhere;
  nowhere.scenario = "/nonexistent/scenario.toml";
  CHECK(run(nowhere).first == sim_exit::bad_input);
  {
    const scenario_file good{"[[expect]]\nline = \"daemon started\"\nat_least = 1\n"};
    CHECK(run(good.options()).first == sim_exit::good);
  }
  {
    const scenario_file late{"[[expect]]\nline = \"nothing\"\nat_least = 1\n"};
    CHECK(run(late.options()).first == sim_exit::liveness);
  }
  {
    const scenario_file never{"[[expect]]\nline = \"daemon started\"\nat_most = 0\n"
                              "[[expect]]\nline = \"nothing\"\nat_least = 1\n"};
    CHECK(run(never.options()).first == sim_exit::safety);
  }
  const scenario_file bad{"[[event]]\n"};
  CHECK(run(bad.options()).first == sim_exit::bad_input);
}

TEST_CASE("sim run --json says one line that scripts rely on") {
  const scenario_file good{""};
  auto options = good.options();
  options.json = true;
  const auto [code, out] = run(options);
  CHECK(code == sim_exit::good);
  CHECK(out.starts_with("{\"scenario\":\"lanrage-sim-test-"));
  for (const auto* key : {"\"seed\":1,", "\"virtual_s\":5,", "\"wall_s\":", "\"events\":",
                          "\"log_hash\":\"", "\"state_hash\":\"", "\"violations\":0"})
    CHECK(out.find(key) != std::string::npos);
  CHECK(out.find('\n') == out.size() - 1);
  // One alone has nobody to connect to.
  for (const auto* none :
       {"\"connect_p50_ms\":null,", "\"connect_max_ms\":null,", "\"regret_mean_ms\":null,",
        "\"regret_p99_ms\":null,", "\"switches\":0,", "\"pairs\":[]"})
    CHECK(out.find(none) != std::string::npos);
}

TEST_CASE("a log begins with the seed and the version and ends with the command for it") {
  const scenario_file good{""};
  auto options = good.options();
  options.log = good.log();
  options.run.seed = 7;
  CHECK(run(options).first == sim_exit::good);
  std::ostringstream text;
  text << std::ifstream{good.log()}.rdbuf();
  CHECK(text.str().starts_with("# seed 7\n# lanrage "));
  CHECK(text.str().ends_with("# lanrage sim run " + options.scenario.string() + " --seed 7\n"));
  CHECK(text.str().find(" a daemon started\n") != std::string::npos);
}
