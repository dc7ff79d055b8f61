#include "net/errc.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace lanrage::net;

TEST_CASE("every error code has a snake_case name of its own and a sentence") {
  std::set<std::string_view> names;
  for (int number = 1; number <= errc_count; ++number) {
    const auto code = static_cast<errc>(number);
    const auto name = to_string(code);
    CAPTURE(number, name);
    CHECK(names.insert(name).second);
    CHECK(name != "unknown");
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(sentence(code).size() > 10);
  }
}

TEST_CASE("the spec's errors carry the spec's names") {
  CHECK(to_string(errc::peer_not_found) == "peer_not_found");
  CHECK(to_string(errc::connection_failed) == "connection_failed");
  CHECK(to_string(errc::relay_unavailable) == "relay_unavailable");
}

TEST_CASE("a code of another version reads as unknown") {
  CHECK(to_string(static_cast<errc>(0)) == "unknown");
  CHECK(to_string(static_cast<errc>(255)) == "unknown");
  CHECK_FALSE(sentence(static_cast<errc>(255)).empty());
}

TEST_CASE("an error reads as name, sentence and detail") {
  const auto text = to_string(fail(errc::timed_out, "relay1 after 5 s"));
  CHECK(text == "timed_out: there was no answer in time: relay1 after 5 s");
  CHECK(to_string(fail(errc::timed_out)) == "timed_out: there was no answer in time");
}

TEST_CASE("taking the value of a failed result throws the failure") {
  const result<int> failed = fail(errc::bad_key, "x");
  try {
    (void)failed.value();
    FAIL("value() returned");
  } catch (const failure& thrown) {
    CHECK(thrown.what_failed() == fail(errc::bad_key, "x"));
    CHECK(std::string{thrown.what()} == to_string(fail(errc::bad_key, "x")));
  }
}
