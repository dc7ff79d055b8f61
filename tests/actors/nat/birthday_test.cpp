#include "actors/nat/birthday.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <span>
#include <vector>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
namespace defaults = config::defaults;

namespace {

const auto peer = at("203.0.113.9:40000");

struct sent_shot {
  time_point when;
  birthday_attempt::shot what;
};

/// All that it sends when it is asked whenever it wants to be, and `late` later.
std::vector<sent_shot> all_of(birthday_attempt& attempt, std::chrono::nanoseconds late = 0ns) {
  std::vector<sent_shot> out;
  while (const auto at = attempt.next())
    for (const auto& shot : attempt.due(*at + late))
      out.push_back({*at + late, shot});
  return out;
}

} // namespace

TEST_CASE("a symmetric side sends once from each spare port to the peer's one endpoint", "[nat]") {
  birthday_attempt attempt{{false, peer}, dawn, seeded(1)};
  const auto sent = all_of(attempt);
  CHECK(sent.size() == 256);
  CHECK(attempt.probes() == 256);
  std::set<std::uint16_t> ports;
  for (const auto& each : sent) {
    CHECK(each.what.to == peer);
    ports.insert(each.what.from_port);
  }
  CHECK(ports.size() == 256);
  CHECK(*ports.begin() == defaults::spare_port_first);
  CHECK(*ports.rbegin() == defaults::spare_port_first + defaults::spare_ports - 1);
  CHECK(sent.front().when == dawn);
  CHECK(sent.back().when < dawn + defaults::birthday_lead);
}

TEST_CASE("a guessing side probes 1,024 different ports of one address, 400 a second", "[nat]") {
  birthday_attempt attempt{{true, peer}, dawn, seeded(1)};
  const auto sent = all_of(attempt);
  CHECK(sent.size() == 1'024);
  std::set<std::uint16_t> ports;
  for (const auto& each : sent) {
    CHECK(each.what.to.address == peer.address);
    CHECK(each.what.from_port == 0);
    ports.insert(each.what.to.port);
  }
  CHECK(ports.size() == 1'024);
  CHECK(*ports.begin() >= 1'024);
  CHECK(sent.front().when == dawn + defaults::birthday_lead);
  CHECK(sent.back().when + defaults::birthday_linger <= attempt.until());
  for (std::size_t i = 0; i + 400 < sent.size(); ++i)
    CHECK(sent[i + 400].when - sent[i].when >= 1s);
}

TEST_CASE("guesses follow the seed, and a source that repeats itself costs no port", "[nat]") {
  const auto guesses = [](const net::random_source& random) {
    birthday_attempt attempt{{true, peer}, dawn, random};
    std::vector<std::uint16_t> out;
    for (const auto& each : all_of(attempt))
      out.push_back(each.what.to.port);
    return out;
  };
  CHECK(guesses(seeded(1)) == guesses(seeded(1)));
  CHECK(guesses(seeded(1)) != guesses(seeded(2)));
  const auto stuck = guesses(
      [](std::span<std::uint8_t> out) { std::fill(out.begin(), out.end(), std::uint8_t{0xff}); });
  CHECK(std::set(stuck.begin(), stuck.end()).size() == 1'024);
}

TEST_CASE("who is asked late does not catch up", "[nat]") {
  birthday_attempt attempt{{true, peer}, dawn, seeded(1)};
  CHECK(attempt.due(dawn + 2s).size() == 4);
  CHECK(attempt.due(dawn + 2s).empty());
  CHECK(attempt.due(dawn + 2s + 9ms).empty());
  CHECK(attempt.due(dawn + 2s + 10ms).size() == 4);
  attempt.stop();
  CHECK_FALSE(attempt.next());
  CHECK(attempt.due(dawn + 3s).empty());
}

TEST_CASE("an answer counts once, from where its guess went, with its transaction", "[nat]") {
  birthday_attempt attempt{{true, peer}, dawn, seeded(1)};
  const auto there = at("203.0.113.9:1234");
  const net::probe_transaction id{7};
  attempt.guessed(there, id, dawn + 1s);
  CHECK_FALSE(attempt.take(at("203.0.113.9:1235"), id));
  CHECK_FALSE(attempt.take(at("203.0.113.8:1234"), id));
  CHECK_FALSE(attempt.take(there, net::probe_transaction{8}));
  CHECK(attempt.take(there, id) == dawn + 1s);
  CHECK_FALSE(attempt.take(there, id));
}

TEST_CASE("of the ports at which the peer is met the first one counts", "[nat]") {
  birthday_attempt guessing{{true, peer}, dawn, seeded(1)};
  CHECK_FALSE(guessing.met(61'000));
  birthday_attempt attempt{{false, peer}, dawn, seeded(1)};
  CHECK_FALSE(attempt.met(51'820)); // none of those that were opened
  CHECK(attempt.met(61'007));
  CHECK_FALSE(attempt.met(61'008));
  CHECK(attempt.met(61'007));
  CHECK(attempt.found() == 61'007);
  CHECK_FALSE(attempt.next());
}
