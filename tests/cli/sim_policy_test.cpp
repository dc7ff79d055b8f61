#include "cli/sim_policy.hpp"
#include "tests/cli/fake_daemon.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace lanrage;
using namespace lanrage::cli;
using namespace std::chrono_literals;
using cli::test::listen_to;

namespace {

/// Matrices of six nodes whose delays change now and then.
class matrices {
 public:
  explicit matrices(int slices, bool steady = false) {
    unsigned word = 7;
    for (int slice = 0; slice < slices; ++slice) {
      if (steady) word = 7;
      files.push_back(
          std::filesystem::temp_directory_path() /
          ("lanrage-policy-" + std::to_string(::getpid()) + '-' + std::to_string(slice)));
      std::ofstream out{files.back()};
      for (int row = 0; row < 6; ++row) {
        for (int column = 0; column < 6; ++column) {
          word = word * 1'664'525 + 1'013'904'223;
          out << (column == 0 ? "" : " ") << (row == column ? 0 : 20 + (word >> 24));
        }
        out << '\n';
      }
    }
  }
  ~matrices() {
    for (const auto& file : files)
      std::filesystem::remove(file);
  }
  policy_options options() const {
    policy_options out;
    out.files = files;
    out.rtt_unit = sim::trace::unit::ms;
    out.interval = 15s;
    out.how.relays = 3;
    out.how.pairs = 5;
    return out;
  }
  std::vector<std::filesystem::path> files;
};

std::pair<exit_code, std::string> run(const policy_options& what) {
  auto code = exit_code::failed;
  const auto said = listen_to([&] { code = sim_policy(what); });
  return {code, said.out};
}

} // namespace

TEST_CASE("sim policy prints a row per rule, the curve and the limit, the same each time") {
  const matrices files{12};
  const auto [code, out] = run(files.options());
  CHECK(code == exit_code::done);
  for (const auto* row : {"never", "any gain", "20 % and 20 ms", "30 % and 30 ms", "50 % and 50 ms",
                          "median of 5", "ours", "reference curve", "hindsight"})
    CHECK(out.find(row) != std::string::npos);
  CHECK(out.find("held out") == std::string::npos);
  CHECK(run(files.options()).second == out);
  auto split = files.options();
  split.split = true;
  CHECK(run(split).second.find("held out: 6 slices from number 7") != std::string::npos);
}

TEST_CASE("sim policy says when ours is not below the curve") {
  const matrices same{4, true}; // no rule has any regret
  const auto [code, out] = run(same.options());
  CHECK(code == exit_code::done);
  CHECK(out.find("note: ours is not below the reference curve at 0.0 switches") !=
        std::string::npos);
}

TEST_CASE("sim policy --json is one line with exact figures") {
  const matrices files{6};
  auto options = files.options();
  options.json = true;
  const auto [code, out] = run(options);
  CHECK(code == exit_code::done);
  CHECK(out.starts_with("{\"nodes\":6,\"slices\":6,\"seed\":1,\"draws\":3,"));
  CHECK(out.find("\"rule\":\"ours\"") != std::string::npos);
  CHECK(std::count(out.begin(), out.end(), '\n') == 1);
}

TEST_CASE("sim policy refuses what it cannot use with exit code 2") {
  const matrices files{4};
  auto options = files.options();
  options.interval.reset();
  CHECK(run(options).first == exit_code::usage);
  options = files.options();
  options.split = true;
  CHECK(run(options).first == exit_code::usage);
  options = files.options();
  options.files = {"/nowhere"};
  CHECK(run(options).first == exit_code::usage);
  options = files.options();
  std::ofstream{files.files[2]} << "0 1\n1 0\n";
  CHECK(run(options).first == exit_code::usage);
}
