#include "net/crypto.hpp"
#include "net/os/files.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace lanrage::net;
using namespace lanrage::net::os;

namespace {

struct scratch {
  scratch() {
    std::string pattern = std::filesystem::temp_directory_path() / "lanrage-files-XXXXXX";
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

result<wg_private_key> key_in(const std::filesystem::path& file) {
  return load_or_make_key(file, generate_x25519<wg_private_key>(os_random()));
}

std::string text_in(const std::filesystem::path& file) {
  return read_file(file, 1'000).value().value();
}

} // namespace

TEST_CASE("a key is made once, readable by its owner alone, and found again") {
  scratch folder;
  const auto file = folder.path / "wireguard.key";
  const auto made = key_in(file);
  REQUIRE(made.has_value());
  CHECK(mode_of(file) == 0600);
  CHECK(text_in(file) == to_base64(made->reveal()) + "\n"); // as `wg` reads it
  const auto found = key_in(file);
  REQUIRE(found.has_value());
  CHECK(public_key(*made) == public_key(*found));
}

TEST_CASE("a key file that others can read is refused with the remedy") {
  scratch folder;
  const auto file = folder.path / "wireguard.key";
  REQUIRE(key_in(file).has_value());
  for (const auto mode : {0644u, 0640u, 0604u}) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    const auto refused = key_in(file);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::not_permitted);
    CHECK(refused.error().detail.find("chmod 600") != std::string::npos);
  }
}

TEST_CASE("a key file without a key is refused, not overwritten") {
  scratch folder;
  const auto file = folder.path / "wireguard.key";
  for (const std::string text : {"not a key\n", "", "c2hvcnQ=\n"}) {
    REQUIRE(replace_file(file, as_bytes(text)).has_value());
    const auto refused = key_in(file);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::bad_state);
    CHECK(refused.error().detail.find("wireguard.key") != std::string::npos);
    CHECK(text_in(file) == text);
  }
}

TEST_CASE("a file is replaced whole, private, and leaves nothing beside it") {
  scratch folder;
  const auto file = folder.path / "peers.json";
  std::ofstream{file.string() + ".new"} << "half of one"; // a crash was here
  REQUIRE(replace_file(file, as_bytes("one")).has_value());
  REQUIRE(replace_file(file, as_bytes("two")).has_value());
  CHECK(text_in(file) == "two");
  CHECK(mode_of(file) == 0600);
  CHECK(std::distance(std::filesystem::directory_iterator{folder.path}, {}) == 1);
  CHECK(replace_file(folder.path / "missing" / "x", as_bytes("y")).error().code == errc::bad_state);
}

TEST_CASE("a file that is not there is nothing, one that is too large or no file an error") {
  scratch folder;
  const auto file = folder.path / "peers.json";
  CHECK(read_file(file, 10).value() == std::nullopt);
  REQUIRE(replace_file(file, as_bytes("12345")).has_value());
  CHECK(read_file(file, 5).value() == "12345");
  CHECK(read_file(file, 4).error().code == errc::bad_state);
  CHECK(read_file(folder.path, 10).error().code == errc::bad_state);
}

TEST_CASE("a folder is claimed by one at a time, and free when that one is gone") {
  scratch folder;
  const auto place = folder.path / "state";
  {
    const auto first = claim(place, "relay.lock");
    REQUIRE(first.has_value());
    CHECK(mode_of(place) == 0700);
    const auto second = claim(place, "relay.lock");
    REQUIRE(second.has_error());
    CHECK(second.error().code == errc::already_exists);
    CHECK(second.error().detail.find(place.string()) != std::string::npos);
    CHECK(claim(place, "control.lock").has_value());
  }
  CHECK(claim(place, "relay.lock").has_value());
}

TEST_CASE("a folder is made private; one that is there stays as it is") {
  scratch folder;
  const auto made = folder.path / "a" / "b";
  REQUIRE(make_private_folder(made).has_value());
  CHECK(mode_of(made) == 0700);
  REQUIRE(::chmod(made.c_str(), 0755) == 0);
  REQUIRE(make_private_folder(made).has_value());
  CHECK(mode_of(made) == 0755);
  std::ofstream{folder.path / "file"} << "x";
  CHECK(make_private_folder(folder.path / "file").has_error());
  CHECK(make_private_folder(folder.path / "file" / "c").has_error());
}
