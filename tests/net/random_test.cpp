#include "net/random.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;

namespace {
bytes draw(const random_source& from, std::size_t count) {
  bytes out(count);
  from(out);
  return out;
}
} // namespace

TEST_CASE("splitmix64 gives the published sequence") {
  // Reference output for seed 1234567 (Vigna, prng.di.unimi.it/splitmix64.c).
  splitmix64 stream{1234567};
  CHECK(stream.next() == 6457827717110365317ULL);
  CHECK(stream.next() == 3203168211198807973ULL);
  CHECK(stream.next() == 9817491932198370423ULL);
}

TEST_CASE("a stream's octets are its words, the least significant octet first") {
  const auto from = octets_of(std::make_shared<splitmix64>(1234567));
  CHECK(draw(from, 10) == bytes{0x85, 0xfc, 0x08, 0xfb, 0x17, 0xd0, 0x9e, 0x59, 0xa5, 0x0f});
}

TEST_CASE("the same seed and name give the same octets, another name others") {
  CHECK(draw(seeded_random(7, "a"), 33) == draw(seeded_random(7, "a"), 33));
  CHECK(draw(seeded_random(7, "a"), 16) != draw(seeded_random(7, "b"), 16));
  CHECK(draw(seeded_random(7, "a"), 16) != draw(seeded_random(8, "a"), 16));
}

TEST_CASE("copies of a stream share their state") {
  const auto one = seeded_random(1, "x");
  const auto copy = one;
  CHECK(draw(one, 8) != draw(copy, 8));
}
