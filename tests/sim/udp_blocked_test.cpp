// A member whose network lets no UDP out.

#include "tests/sim/pair_world.hpp"

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using test::pair_world;

TEST_CASE("a daemon that is restarted where UDP is blocked goes on over TLS within a second") {
  pair_world p{udp_blocked(), port_restricted()};
  p.meet();
  REQUIRE(p.connect());
  p.w.run_for(30s);
  REQUIRE(p.w.ping(p.alice, p.bob, 1s));
  p.w.kill(p.alice);
  p.w.run_for(2s);
  CHECK_FALSE(p.w.ping(p.alice, p.bob, 1s)); // the stream was the daemon's
  p.w.start(p.alice);
  const auto from = p.w.now();
  std::optional<duration> answered;
  while (!answered && p.w.now() - from < 20s)
    answered = p.w.ping(p.alice, p.bob, 50ms);
  REQUIRE(answered);
  CHECK(p.w.now() - from < 300ms); // three round trips for the stream, one to resume, one in it
}
