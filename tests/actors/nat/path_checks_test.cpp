#include "actors/nat/path_checks.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;

namespace {

struct two_ends {
  net::wg_private_key a_key = net::generate_x25519<net::wg_private_key>(seeded(1));
  net::wg_private_key b_key = net::generate_x25519<net::wg_private_key>(seeded(2));
  net::wg_public_key a_pub = net::public_key(a_key);
  net::wg_public_key b_pub = net::public_key(b_key);
  path_checks a{{a_pub, b_pub, *net::probe_key(a_key, b_pub)}, seeded(3)};
  path_checks b{{b_pub, a_pub, *net::probe_key(b_key, a_pub)}, seeded(4)};
  net::endpoint relay = at("192.0.2.1:51820");
  nat_effects out;

  nat_effects ask(const msg::check_path& order) {
    nat_effects sent;
    a.ask(order, dawn, sent);
    return sent;
  }
  nat_effects to_b(const nat_effects& sent, msg::time_point when = dawn) {
    nat_effects out_b;
    for (const auto& frame : sent.frames)
      b.receive(relay, *frame.data, when, out_b);
    return out_b;
  }
};

} // namespace

TEST_CASE("a check is answered where it came from, and the asker learns its round trip") {
  two_ends w;
  const auto sent = w.ask({w.b_pub, 17, w.relay, 0, false, true});
  REQUIRE(sent.frames.size() == 1);
  CHECK(sent.frames[0].to == w.relay);
  CHECK(sent.frames[0].data->size() > 1'200); // as large as data
  const auto heard = w.to_b(sent);
  REQUIRE(heard.frames.size() == 1);
  CHECK(heard.frames[0].to == w.relay);
  REQUIRE(heard.events.size() == 1);
  CHECK(heard.events[0].news == msg::path_news::asked);
  CHECK(heard.events[0].where == w.relay);
  nat_effects back;
  w.a.receive(w.relay, *heard.frames[0].data, dawn + 60ms, back);
  REQUIRE(back.events.size() == 1);
  CHECK(back.events[0].news == msg::path_news::checked);
  CHECK(back.events[0].epoch == 17);
  CHECK(back.events[0].rtt == 60ms);
  SECTION("once") {
    w.a.receive(w.relay, *heard.frames[0].data, dawn + 70ms, back);
    CHECK(back.events.size() == 1);
  }
}

TEST_CASE("a move and a doubt are told as they were said") {
  two_ends w;
  const auto heard = w.to_b(w.ask({w.b_pub, 1, w.relay, 9, true, false}));
  REQUIRE(heard.events.size() == 1);
  CHECK(heard.events[0].epoch == 9);
  CHECK(heard.events[0].doubt);
}

TEST_CASE("an answer from elsewhere proves nothing, nor does a forged or repeated check") {
  two_ends w;
  const auto sent = w.ask({w.b_pub, 1, w.relay});
  const auto heard = w.to_b(sent);
  nat_effects back;
  w.a.receive(at("192.0.2.99:1"), *heard.frames[0].data, dawn, back);
  CHECK(back.events.empty());
  CHECK(w.to_b(sent).events.empty()); // a replay
  auto forged = *sent.frames[0].data;
  forged.back() ^= 1;
  nat_effects out;
  w.b.receive(w.relay, forged, dawn, out);
  w.b.receive(w.relay, *heard.frames[0].data, dawn, out); // its own answer, reflected
  CHECK(out.events.empty());
  CHECK(out.frames.empty());
}
