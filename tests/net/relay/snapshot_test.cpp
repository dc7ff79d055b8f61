#include "tests/net/relay/world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage::net;
using namespace lanrage::net::relay;
using namespace lanrage::net::relay::test;

namespace {

/// Stops the relay and starts it again `down` later with what it saved.
void restart(world& w, std::chrono::milliseconds down, bool cookies) {
  const auto saved = w.core.snapshot(w.now, cookies);
  w.pass(down);
  w.core = w.make_core();
  REQUIRE(w.core.restore(saved, w.now).has_value());
}

} // namespace

TEST_CASE("a restart with its snapshot goes on as if nothing had happened") {
  world w;
  fake_member a{w, "198.51.100.1:51820", {party(1), party(2)}};
  fake_member b{w, "[2001:db8::2]:51820", {party(2)}};
  a.join();
  b.join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  restart(w, 2s, true);
  const auto there = data(index(2));
  const auto back = data(index(1));
  CHECK(a.send(there).forwarded_to(b.address, there));
  CHECK(b.send(back).forwarded_to(a.address, back));
  CHECK(shake_hands(b, index(3), a, index(4)));
  CHECK(a.renew().kind() == frame_kind::registered);
  CHECK(w.core.count().members == 2);
  CHECK(w.core.count().parties == 2);
}

TEST_CASE("timestamps of the living and the departed survive a restart") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.hello_first();
  const auto of_a = a.say();
  a.send(of_a);
  b.hello_first();
  const auto of_b = b.say();
  b.send(of_b);
  b.send(encode(bye{b.key, ++b.timestamp}, b.mac_key));
  restart(w, 1s, true);
  CHECK(a.refusal_in(a.send(of_a)) == refusal::stale);
  CHECK(b.refusal_in(b.send(of_b)) == refusal::stale);
  CHECK(b.send(b.say()).kind() == frame_kind::registered);
}

TEST_CASE("a snapshot without cookies voids what was captured after it") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.hello_first();
  const auto saved = w.core.snapshot(w.now, false);
  const auto later = a.say();
  a.send(later);
  w.core = w.make_core();
  REQUIRE(w.core.restore(saved, w.now).has_value());
  CHECK(a.send(later).kind() == frame_kind::challenge);
}

TEST_CASE("time spent down counts towards every expiry") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  fake_member b{w, "198.51.100.2:51820"};
  a.join();
  b.join();
  REQUIRE(shake_hands(a, index(1), b, index(2)));
  restart(w, 241s, true);
  const auto out = a.send(data(index(2)));
  CHECK(a.refusal_in(out) == refusal::unknown_index);
  restart(w, 60s, true);
  CHECK(b.send(data(index(1))).payload.size() == 16);
}

TEST_CASE("a clock set back while down does not make anything younger than it was") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.join();
  w.pass(200s);
  const auto saved = w.core.snapshot(w.now, true);
  w.core = w.make_core();
  w.now.unix -= 1h;
  REQUIRE(w.core.restore(saved, w.now).has_value());
  w.pass(99s);
  CHECK(a.send(encode(relay_ping{false, a.hash, 1, 0}, a.mac_key)).kind() == frame_kind::pong);
  w.pass(300s);
  CHECK(a.send(data(index(1))).payload.size() == 16);
}

TEST_CASE("a damaged, cut or foreign snapshot is refused and nothing is taken") {
  world w;
  fake_member a{w, "198.51.100.1:51820"};
  a.join();
  const auto saved = w.core.snapshot(w.now, true);
  const auto fresh = [&] { return w.make_core(); };
  for (std::size_t at = 0; at < saved.size(); ++at) {
    auto damaged = saved;
    damaged[at] ^= 0x40;
    auto core = fresh();
    const auto done = core.restore(damaged, w.now);
    REQUIRE(done.has_error());
    REQUIRE(done.error().code == errc::bad_state);
    REQUIRE(core.count().members == 0);
  }
  for (std::size_t size = 0; size < saved.size(); ++size) {
    auto core = fresh();
    REQUIRE(core.restore(byte_view{saved}.first(size), w.now).has_error());
  }
  world other{small_limits(), 99};
  CHECK(other.core.restore(saved, w.now).error().code == errc::bad_state);
}
