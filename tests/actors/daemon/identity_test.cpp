#include "actors/daemon/identity.hpp"
#include "actors/drivers/store_driver.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

using namespace lanrage;
using namespace lanrage::actors;

namespace {

struct scratch {
  scratch() {
    std::string pattern = std::filesystem::temp_directory_path() / "lanrage-identity-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~scratch() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

unsigned mode_of(const std::filesystem::path& file) {
  struct ::stat about {};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  return about.st_mode & 07777;
}

} // namespace

TEST_CASE("a key is made once, readable by its owner alone, and found again") {
  scratch folder;
  const auto file = folder.path / "wireguard.key";
  const auto made = load_or_make_key(file, net::os_random());
  REQUIRE(made.has_value());
  CHECK(mode_of(file) == 0600);
  const auto found = load_or_make_key(file, net::os_random());
  REQUIRE(found.has_value());
  CHECK(net::public_key(*made) == net::public_key(*found));
}

TEST_CASE("a key file that others can read is refused with the remedy") {
  scratch folder;
  const auto file = folder.path / "wireguard.key";
  REQUIRE(load_or_make_key(file, net::os_random()).has_value());
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  const auto refused = load_or_make_key(file, net::os_random());
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == net::errc::not_permitted);
  CHECK(refused.error().detail.find("chmod 600") != std::string::npos);
}

TEST_CASE("a key file without a key is refused, not overwritten") {
  scratch folder;
  const auto file = folder.path / "wireguard.key";
  REQUIRE(replace_file(file, "not a key\n").has_value());
  const auto refused = load_or_make_key(file, net::os_random());
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == net::errc::bad_key);
  CHECK(*read_file(file, 100) == "not a key\n");
}

TEST_CASE("a document is replaced whole, private, and leaves nothing beside it") {
  scratch folder;
  const auto file = folder.path / "peers.json";
  REQUIRE(replace_file(file, "one").has_value());
  REQUIRE(replace_file(file, "two").has_value());
  CHECK(*read_file(file, 100) == "two");
  CHECK(mode_of(file) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator{folder.path}, {}) == 1);
  CHECK(read_file(file, 2).error().code == net::errc::bad_state);
  CHECK(replace_file(folder.path / "missing" / "x", "y").has_error());
}
