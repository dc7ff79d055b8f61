#include "config/dotted_keys.hpp"
#include "config/settings.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::config;

namespace {

std::string parts(std::size_t count) {
  std::string out = "a";
  for (std::size_t i = 1; i < count; ++i)
    out += ".a";
  return out;
}

} // namespace

TEST_CASE("keys of too many parts are found where they are, strings and comments are not keys") {
  const auto dots = std::string(50, '.');
  CHECK(!overlong_key(parts(dotted_parts_max) + " = 1\n"));
  const auto found = overlong_key("x = 1\n  [" + parts(dotted_parts_max + 1) + "]\n");
  REQUIRE(found);
  CHECK(found->line == 2);
  CHECK(found->column == 35);
  CHECK(overlong_key("x = {" + parts(17) + " = 1}"));
  CHECK(overlong_key("a.\"b.c\"." + parts(15) + " = 1"));
  for (const auto& harmless :
       {"x = \"" + dots + "\"", "x = '" + dots + "'", "# " + dots,
        "x = \"\"\"\n" + dots + "\"\n\"\"\"", "x = \"\\\"" + dots + "\"", "x = \"" + dots,
        std::string{"x = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5,"
                    "8.5, 9.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]"}})
    CHECK(!overlong_key(harmless));
}

TEST_CASE("a settings file with an endless key is refused, not a crash") {
  const auto read = parse(parts(100'000) + " = 1\n", "f.toml");
  REQUIRE(read.has_error());
  CHECK(read.error().detail == "f.toml:1:32: found a key of more parts, expected at most 16 parts "
                               "with dots between");
}
