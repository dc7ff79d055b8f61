#include "net/os/wg_go.hpp"

#include <catch2/catch.hpp>

using lanrage::net::os::version_numbers;

TEST_CASE("versions of wireguard-go compare as numbers, not as text") {
  using numbers = std::vector<std::uint64_t>;
  CHECK(version_numbers("wireguard-go v0.0.20220316\n\nUserspace ...") == numbers{0, 0, 20220316});
  CHECK(version_numbers("wireguard-go v0.0.20250522-dirty\n") == numbers{0, 0, 20250522});
  CHECK(version_numbers("") == numbers{});
  CHECK(version_numbers("0.0.20250522") == numbers{});
  CHECK(version_numbers("x v0.0.20250522") > version_numbers("x v0.0.20220316"));
  CHECK(version_numbers("x v0.1.1") > version_numbers("x v0.0.20250522"));
  CHECK(version_numbers("x v0.0.1") > version_numbers("nonsense"));
}
