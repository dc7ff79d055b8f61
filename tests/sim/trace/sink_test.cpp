#include "sim/trace/sink.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace lanrage::sim::trace;
namespace fs = std::filesystem;

namespace {

struct folder {
  fs::path path;
  folder() {
    auto name = (fs::temp_directory_path() / "lanrage-trace-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~folder() { fs::remove_all(path); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{path}, fs::directory_iterator{}));
  }
};

std::string read(const fs::path& file) {
  std::ifstream in{file};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("a file that is not committed leaves nothing and changes nothing") {
  const folder in;
  const auto place = in.path / "out.ltr";
  std::ofstream{place} << "before";
  {
    file_sink sink{place};
    sink.open().value();
    sink.write("half").value();
    CHECK(in.files() == 2);
  }
  CHECK(in.files() == 1);
  CHECK(read(place) == "before");
}

TEST_CASE("a committed file is there whole, under its name alone") {
  const folder in;
  const auto place = in.path / "out.ltr";
  {
    file_sink sink{place};
    sink.open().value();
    sink.write("wh").value();
    sink.write("ole").value();
    CHECK_FALSE(fs::exists(place));
    sink.commit().value();
  }
  CHECK(read(place) == "whole");
  CHECK(in.files() == 1);
}

TEST_CASE("a sink says where it cannot write, and never replaces what is no file") {
  file_sink nowhere{"/nonexistent/out.ltr"};
  CHECK(to_string(nowhere.open().error()) ==
        "/nonexistent/out.ltr: cannot write: No such file or directory");
  file_sink device{"/dev/null"};
  CHECK(device.open().has_error());
  CHECK(fs::is_character_file("/dev/null"));
}
