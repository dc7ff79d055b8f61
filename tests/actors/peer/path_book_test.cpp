#include "actors/peer/path_book.hpp"
#include "tests/support/peers.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace lanrage;
using namespace lanrage::test;

namespace {

/// Checks of one path, '1' answered and '0' lost, the earliest first.
actors::path_book::entry after(const std::string& fates) {
  actors::path_book book;
  const actors::path direct{bob_at, std::nullopt, {}};
  msg::time_point now{};
  for (const auto fate : fates) {
    const auto number = book.ask(direct, now += 1s);
    if (fate == '1') REQUIRE(book.answer(number, 30ms, now));
  }
  return *book.find(bob_at);
}

} // namespace

TEST_CASE("losses are counted over the last 32 checks, or from a given one on") {
  const auto seen = after("0000111110111");
  CHECK(seen.asked_of_late() == 13);
  CHECK(seen.lost_of_late() == 5);
  CHECK(seen.asked_since(4) == 9);
  CHECK(seen.lost_since(4) == 1);
  CHECK(seen.asked_since(13) == 0);
  CHECK(seen.lost_since(13) == 0);
  CHECK(seen.in_a_row == 3);
  const auto many = after(std::string(40, '0') + std::string(32, '1'));
  CHECK(many.asked_of_late() == 32);
  CHECK(many.lost_of_late() == 0);
  CHECK(many.lost_since(60) == 0);
  CHECK(many.asked_since(60) == 12);
}

TEST_CASE("a path that loses is told from one that was gone") {
  CHECK(after("1111111111").hiccups_of_late() == 0);
  CHECK(after("1110111111").hiccups_of_late() == 1);
  CHECK(after("1110011111").hiccups_of_late() == 1);
  CHECK(after("1011011001").hiccups_of_late() == 3);
  // Gone for a while, twice; the last is not answered yet.
  CHECK(after("1110000000011100001110").hiccups_of_late() == 0);
}

TEST_CASE("only what was asked is answered, once, and the fastest that answered is best") {
  actors::path_book book;
  const actors::path direct{bob_at, std::nullopt, {}};
  const auto relayed = actors::through(relay1());
  const msg::time_point start{};
  CHECK_FALSE(book.answer(7, 1ms, start));
  const auto one = book.ask(direct, start);
  const auto two = book.ask(relayed, start);
  CHECK_FALSE(book.alive_since(start, std::nullopt));
  REQUIRE(book.answer(two, 80ms, start + 80ms));
  CHECK_FALSE(book.answer(two, 80ms, start + 90ms));
  CHECK(book.alive_since(start, std::nullopt)->where == relay1_at);
  CHECK_FALSE(book.alive_since(start, relayed));
  REQUIRE(book.answer(one, 30ms, start + 100ms));
  CHECK(book.alive_since(start, std::nullopt)->where == bob_at);
  CHECK_FALSE(book.alive_since(start + 200ms, std::nullopt));
}

TEST_CASE("checks that are under way at once do not count as each other's losses") {
  actors::path_book book;
  const actors::path direct{bob_at, std::nullopt, {}};
  const auto rtt = 30ms;
  msg::time_point now{};
  // Two chains, half a round trip apart: each answer asks again.
  auto first = book.ask(direct, now);
  auto second = book.ask(direct, now += 15ms);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(book.answer(first, rtt, now += 15ms));
    first = book.ask(direct, now);
    REQUIRE(book.answer(second, rtt, now += 15ms));
    second = book.ask(direct, now);
  }
  CHECK(book.find(bob_at)->in_a_row == 4);
  book.ask(direct, now += 1s); // and neither was answered
  CHECK(book.find(bob_at)->in_a_row == 0);
}
