#include "actors/directory/lan_neighbours.hpp"
#include "net/random.hpp"
#include "tests/support/peers.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace std::chrono_literals;
namespace defaults = config::defaults;

namespace {

const net::party_id friends{{1}};
const msg::lan_place somewhere{net::ip_address::v4(0x0a000002), 3};
constexpr msg::unix_ms wall = 1'769'688'000s;

struct alone {
  actors::lan_neighbours all{net::seeded_random(1, "secrets"), net::seeded_random(1, "jitter")};
  msg::time_point now = msg::time_point{} + 1h;
  net::wg_public_key own{{1}};
  net::wg_public_key bob{{2}};
  std::uint64_t counter = 0;

  alone() { all.network({"eth0"}, now, wall); }
  void announce() {
    now = std::max(now, *all.announce_at());
    all.announced(now);
  }
  /// Of bob, whose clock is that far off.
  net::lan_announcement said(msg::unix_ms off = {}) {
    net::lan_announcement out;
    out.from = bob;
    out.counter = ++counter;
    out.time_unix_ms = static_cast<std::uint64_t>((wall + off).count());
    out.nonce.octets[0] = static_cast<std::uint8_t>(counter);
    out.version = 5;
    return out;
  }
  net::lan_echo echo(bool near) { return {net::hash_of(own), all.nonce(), 3, near}; }
  actors::lan_neighbours::hearing hear(const net::lan_announcement& what) {
    return all.hear(friends, what, net::hash_of(own), somewhere, now, wall);
  }
};

net::lan_letter part(std::uint8_t number, std::uint8_t of, std::uint64_t id, net::bytes octets) {
  net::lan_letter out;
  out.id = id;
  out.kind = net::lan_letter_kind::signal;
  out.part = number;
  out.parts = of;
  out.octets = std::move(octets);
  return out;
}

} // namespace

TEST_CASE("announcements come at once, five in two seconds, and then ever more seldom") {
  alone a;
  const auto start = a.now;
  std::vector<msg::time_point> times;
  while (a.now < start + 20min) {
    a.announce();
    times.push_back(a.now);
  }
  CHECK(times.front() - start <= defaults::lan_jitter);
  const auto within = [&](auto span) {
    return std::count_if(times.begin(), times.end(), [&](auto t) { return t - start <= span; });
  };
  CHECK(within(2s) >= 5);
  CHECK(within(2s) <= 6);
  CHECK(within(20min) <= 24);
  const auto last = times.back() - times[times.size() - 2];
  CHECK(last >= defaults::lan_again_max);
  CHECK(last <= defaults::lan_again_max + defaults::lan_jitter);
}

TEST_CASE("another network starts the announcements again, none ends them") {
  alone a;
  for (int i = 0; i < 12; ++i)
    a.announce();
  a.hear(a.said());
  REQUIRE(a.all.anybody_near());
  CHECK(a.all.network({"wlan0"}, a.now, wall).size() == 1);
  CHECK_FALSE(a.all.anybody_near());
  CHECK(*a.all.announce_at() - a.now <= defaults::lan_jitter);
  CHECK(a.all.network({}, a.now, wall).empty());
  CHECK_FALSE(a.all.announce_at());
  a.all.announce_soon(a.now);
  CHECK_FALSE(a.all.announce_at());
}

TEST_CASE("a member whose clock agrees is near at once, and is answered until it knows of us") {
  alone a;
  a.announce();
  const auto first = a.hear(a.said(30s));
  CHECK(first.fresh);
  CHECK(first.came);
  CHECK(first.answer);
  CHECK_FALSE(first.has_ours); // its clock is no proof: nothing larger is sent for it
  CHECK(a.all.near(friends, a.bob)->place == somewhere);
  auto more = a.said();
  more.echoes = {a.echo(true)};
  const auto second = a.hear(more);
  CHECK_FALSE(second.came);
  CHECK_FALSE(second.answer);
  CHECK(second.has_ours == 3U);
}

TEST_CASE("a member whose clock is wrong is not answered, but echoed in our own time") {
  alone a;
  a.announce();
  const auto first = a.hear(a.said(-1h));
  CHECK_FALSE(first.fresh);
  CHECK(a.all.near(friends, a.bob) == nullptr);
  const auto owed = a.all.take_owed(friends);
  REQUIRE(owed.size() == 1);
  CHECK(owed[0]->key == a.bob);
  CHECK(a.all.take_owed(friends).empty()); // said once, until it speaks again
  auto proof = a.said(-1h);
  proof.echoes = {a.echo(false)};
  const auto second = a.hear(proof);
  CHECK(second.fresh);
  CHECK(second.came);
  CHECK(second.answer); // it has no proof of us yet
}

TEST_CASE("what was said before we began to listen needs an echo, whatever the clocks") {
  alone a;
  a.announce();
  CHECK_FALSE(a.hear(a.said(-1ms)).fresh);
  auto proof = a.said(-1ms);
  proof.echoes = {a.echo(false)};
  CHECK(a.hear(proof).fresh);
}

TEST_CASE("an echo proves nothing when it is another's, too old, or no nonce of ours") {
  alone a;
  a.announce();
  auto proof = a.said(-1h);
  proof.echoes = {a.echo(false)};
  proof.echoes[0].to = net::hash_of(a.bob);
  CHECK_FALSE(a.hear(proof).fresh);
  proof = a.said(-1h);
  proof.echoes = {a.echo(false)};
  proof.echoes[0].nonce.octets[0] ^= 1;
  CHECK_FALSE(a.hear(proof).fresh);
  proof = a.said(-1h);
  proof.echoes = {a.echo(false)};
  a.now += defaults::lan_nonce_lifetime + 1ms;
  CHECK_FALSE(a.hear(proof).fresh);
}

TEST_CASE("what was heard before is not worth a signature check, and neither is a flood") {
  alone a;
  a.announce();
  const auto once = a.said();
  CHECK(a.all.worth_checking(friends, once, a.now));
  a.hear(once);
  CHECK_FALSE(a.all.worth_checking(friends, once, a.now));
  auto lower = once;
  --lower.counter;
  CHECK_FALSE(a.all.worth_checking(friends, lower, a.now));
  int checked = 0;
  for (int i = 0; i < 10'000; ++i)
    if (a.all.worth_checking(friends, a.said(), a.now)) ++checked;
  CHECK(checked < defaults::lan_frames_burst);
  CHECK(checked > defaults::lan_frames_burst / 2);
}

TEST_CASE("a saved counter outlives the daemon") {
  alone a;
  a.all.remember(friends, a.bob, 7);
  a.counter = 6;
  CHECK_FALSE(a.all.worth_checking(friends, a.said(), a.now)); // 7
  CHECK(a.all.worth_checking(friends, a.said(), a.now));       // 8
  CHECK(a.all.counter_of(friends, a.bob) == 7);
  CHECK(a.all.counter_of(friends, a.own) == 0);
}

TEST_CASE("no more members are kept track of than there is room for") {
  alone a;
  for (std::size_t i = 0; i < defaults::lan_members_max; ++i) {
    auto other = a.said();
    other.from.octets[30] = static_cast<std::uint8_t>(i >> 8);
    other.from.octets[31] = static_cast<std::uint8_t>(i);
    a.hear(other);
  }
  auto more = a.said();
  more.from.octets[29] = 1;
  CHECK_FALSE(a.all.worth_checking(friends, more, a.now));
  CHECK(a.all.worth_checking(friends, a.said(), a.now)); // bob is one of them
}

TEST_CASE("who is silent for long is near no more") {
  alone a;
  a.announce();
  a.hear(a.said());
  a.now += defaults::lan_near_for - 1ms;
  CHECK(a.all.expire(a.now).empty());
  CHECK(a.all.near(friends, a.bob) != nullptr);
  a.now += 1ms;
  CHECK(a.all.expire(a.now).size() == 1);
  CHECK(a.all.near(friends, a.bob) == nullptr);
  CHECK(a.all.expire(a.now).empty());
}

TEST_CASE("a letter is whole when its last part is there, in any order and with repeats") {
  actors::lan_letters letters;
  const auto now = msg::time_point{} + 1h;
  CHECK(letters.add(friends, part(0, 1, 1, {7}), now) == net::bytes{7});
  CHECK_FALSE(letters.add(friends, part(2, 3, 2, {3}), now));
  CHECK_FALSE(letters.add(friends, part(0, 3, 2, {1}), now));
  CHECK_FALSE(letters.add(friends, part(0, 3, 2, {1}), now));
  CHECK(letters.add(friends, part(1, 3, 2, {2}), now) == net::bytes{1, 2, 3});
}

TEST_CASE("parts of two letters are not mixed, and nobody waits for ever") {
  actors::lan_letters letters;
  const auto now = msg::time_point{} + 1h;
  CHECK_FALSE(letters.add(friends, part(0, 2, 1, {1}), now));
  CHECK_FALSE(letters.add(friends, part(1, 2, 2, {2}), now)); // replaces the first one
  CHECK(letters.add(friends, part(0, 2, 2, {9}), now) == net::bytes{9, 2});
  CHECK_FALSE(letters.add(friends, part(0, 2, 3, {1}), now));
  const auto late = now + defaults::lan_letter_deadline + 1ms;
  CHECK_FALSE(letters.add(friends, part(1, 2, 3, {2}), late));
  auto other = part(0, 2, 4, {1});
  for (std::size_t i = 0; i < defaults::lan_letters_max; ++i) {
    other.from.octets[0] = static_cast<std::uint8_t>(i);
    other.from.octets[1] = 1;
    letters.add(friends, other, late);
  }
  other = part(0, 2, 5, {1});
  other.from.octets[2] = 1;
  CHECK_FALSE(letters.add(friends, other, late));
  other.part = 1;
  CHECK_FALSE(letters.add(friends, other, late)); // there was no room for its first part
}
