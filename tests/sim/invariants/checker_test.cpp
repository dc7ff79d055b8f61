// The checker on a living world: silent when all is well, and not when it is shown something else.
#include "messages/interfaces.hpp"
#include "sim/event_log.hpp"
#include "sim/invariants/checker.hpp"
#include "sim/scenario/runner.hpp"
#include "tests/sim/pair_world.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;
using invariants::checker;
using test::pair_world;

namespace {

struct watched_pair {
  pair_world p{port_restricted(), port_restricted()};
  checker c{p.w};

  watched_pair() {
    p.meet();
    REQUIRE(p.connect());
    p.w.run_for(5s);
  }
  void fine() {
    for (const auto& each : c.found().all())
      UNSCOPED_INFO(checker::text_of(each));
    UNSCOPED_INFO(p.text);
    CHECK(c.found().all().empty());
  }
  /// What alice says of her connection to bob.
  msg::connection_view view() { return *p.w.connection(p.alice, p.bob); }
  void says(const msg::connection_view& view) {
    caf::anon_send(p.w.roles(p.alice).supervisor, msg::peer_update{view, msg::saved_peer{}, false});
    p.w.run_for(1ms);
  }
};

} // namespace

TEST_CASE("a pair that meets, is cut apart and finds back breaks no invariant") {
  watched_pair w;
  w.p.w.start_pings(w.p.alice, w.p.bob, 200ms, 1'000);
  w.p.w.partition({{w.p.w.control_node(), w.p.w.node(w.p.relay[0]), *w.p.nat_a}, {*w.p.nat_b}});
  w.p.w.run_for(90s);
  w.p.w.heal();
  w.p.w.run_for(400s);
  w.c.finish();
  w.fine();
  const auto& seen = w.c.seen().all();
  CHECK(
      seen.contains(invariants::transition_name(msg::phase::connected, msg::phase::reconnecting)));
  CHECK(seen.contains(std::string{invariants::sometimes::punch_won}));
  CHECK(seen.contains(std::string{invariants::sometimes::probe_lost}));
}

TEST_CASE("a pair that is disconnected, killed, restarted and connected breaks no invariant") {
  watched_pair w;
  REQUIRE(w.p.w.disconnect(w.p.alice, "bob").has_value());
  w.p.w.run_for(5s);
  w.p.w.kill(w.p.alice);
  w.p.w.run_for(5s);
  w.p.w.start(w.p.alice);
  w.p.w.run_for(30s);
  REQUIRE(w.p.w.connect(w.p.alice, "bob", 20s).has_value());
  w.p.w.on(w.p.bob).delete_device();
  w.p.w.run_for(60s);
  w.c.finish();
  w.fine();
}

TEST_CASE(
    "S11: a box that maps by destination and lets everybody in does not forbid a direct path") {
  auto open = symmetric();
  open.filtering = nat_behavior::endpoint_independent;
  pair_world p{open, port_restricted()};
  checker c{p.w};
  p.meet();
  REQUIRE(p.connect());
  CHECK(p.w.run_until([&] { return p.how() == msg::strategy::direct; }, 20s));
  for (const auto& each : c.found().all())
    UNSCOPED_INFO(checker::text_of(each));
  CHECK(c.found().all().empty());
}

TEST_CASE("S1: a WireGuard peer without a connection is found") {
  watched_pair w;
  const auto carol = w.p.w.add_member("carol");
  auto* device = w.p.w.on(w.p.alice).wireguard();
  device->apply({net::wg::change_kind::put,
                 w.p.w.key(carol),
                 net::virtual_ip::parse("10.66.9.9").value(),
                 {},
                 {}},
                w.p.w.now());
  w.p.w.run_for(120s);
  w.c.finish();
  CHECK(w.c.found().has("S1"));
}

TEST_CASE("S2: two machines with one address are found") {
  watched_pair w;
  w.p.w.on(w.p.bob).wireguard()->set_address(w.p.w.address(w.p.alice));
  w.p.w.run_for(90s);
  CHECK(w.c.found().has("S2"));
}

TEST_CASE("S11: an endpoint that is nobody's is found") {
  watched_pair w;
  auto view = w.view();
  w.says(view);
  CHECK_FALSE(w.c.found().has("S11"));
  view.where = net::endpoint::parse("203.0.113.9:1").value();
  SECTION("as the peer's") {
    view.how = msg::strategy::direct;
  }
  SECTION("as a relay's") {
    view.how = msg::strategy::relay;
  }
  w.says(view);
  CHECK(w.c.found().has("S11"));
}

TEST_CASE("S11: an endpoint that somebody else gave WireGuard is no daemon's fault") {
  watched_pair w;
  auto view = w.view();
  view.how = msg::strategy::direct;
  view.where = net::endpoint::parse("203.0.113.9:1").value();
  const auto peer = w.p.w.key(w.p.bob);
  w.p.w.on(w.p.alice).wireguard()->apply(
      {net::wg::change_kind::endpoint, peer, {}, *view.where, {}}, w.p.w.now());
  w.p.w.device_edited(w.p.alice, peer);
  w.says(view);
  CHECK_FALSE(w.c.found().has("S11"));
  view.where = net::endpoint::parse("203.0.113.9:2").value();
  w.says(view);
  CHECK(w.c.found().has("S11"));
}

TEST_CASE("S11: a stream that has just ended was a relay's") {
  watched_pair w;
  auto view = w.view();
  view.how = msg::strategy::relay;
  auto& host = w.p.w.on(w.p.alice);
  view.where = host.add_stream([](net::byte_view) {});
  host.remove_stream(*view.where);
  w.says(view);
  CHECK_FALSE(w.c.found().has("S11"));
  ++view.where->port;
  w.says(view);
  CHECK(w.c.found().has("S11"));
}

TEST_CASE("S11: who does not say whose an endpoint is may be at a relay, but not anywhere") {
  watched_pair w;
  auto view = w.view();
  view.how.reset();
  view.where = net::endpoint{w.p.w.net().addresses(w.p.w.node(w.p.relay[0])).front(),
                             config::defaults::relay_port};
  w.says(view);
  CHECK_FALSE(w.c.found().has("S11"));
  view.where = net::endpoint::parse("203.0.113.9:1").value();
  w.says(view);
  CHECK(w.c.found().has("S11"));
}

TEST_CASE("S11: a direct path that the boxes do not let through is found") {
  pair_world p{symmetric(), symmetric()};
  checker c{p.w};
  p.meet();
  REQUIRE(p.connect());
  CHECK(c.found().all().empty());
  auto view = *p.w.connection(p.alice, p.bob);
  view.how = msg::strategy::direct;
  view.where = net::endpoint{p.w.net().addresses(*p.nat_b).front(), 4'000};
  caf::anon_send(p.w.roles(p.alice).supervisor, msg::peer_update{view, msg::saved_peer{}, false});
  p.w.run_for(1ms);
  CHECK(c.found().has("S11"));
}

TEST_CASE("S12: an own address that nobody gave is found") {
  watched_pair w;
  msg::own_paths own;
  own.candidates = {
      {net::candidate_kind::server_reflexive, net::endpoint::parse("203.0.113.9:1").value()}};
  caf::anon_send(w.p.w.roles(w.p.alice).directory, own);
  w.p.w.run_for(1ms);
  CHECK(w.c.found().has("S12"));
}

TEST_CASE("S14: a world that loses an echo silently is found") {
  watched_pair w;
  const inner_packet asked{w.p.w.address(w.p.alice), w.p.w.address(w.p.bob), false, 1, 84};
  w.c.echo_asked(0, asked);
  w.c.echo_carried(key_of(asked), +1);
  w.p.w.run_for(1s);
  CHECK(w.c.found().all().empty());
  w.c.echo_carried(key_of(asked), -1);
  w.p.w.run_for(1s);
  CHECK(w.c.found().has("S14"));
}

TEST_CASE("S22: a packet that comes out of another's tunnel is found") {
  watched_pair w;
  const auto bobs = w.p.w.address(w.p.bob);
  w.c.decrypted(0, {bobs, w.p.w.address(w.p.alice), false, 1, 84});
  CHECK(w.c.found().all().empty());
  w.c.decrypted(0, {bobs, net::virtual_ip::parse("10.66.9.9").value(), false, 2, 84});
  CHECK(w.c.found().has("S22"));
}

TEST_CASE("S15: an actor that outlives its connection is found") {
  watched_pair w;
  const caf::scoped_actor other{w.p.w.actors().system()};
  w.c.actor_born(0, "peer bob", other->id());
  auto gone = caf::make_mailbox_element(caf::actor_cast<caf::strong_actor_ptr>(other),
                                        caf::make_message_id(), {},
                                        msg::peer_update{w.view(), msg::saved_peer{}, true});
  std::uint64_t supervisor = 0;
  struct ear : world_watcher {
    std::uint64_t* into;
    void message(std::uint64_t actor, caf::mailbox_element& what) override {
      if (what.content().match_elements<msg::list_status>()) *into = actor;
    }
  } find;
  find.into = &supervisor;
  w.p.w.watched_by(&find);
  (void)w.p.w.status(w.p.alice);
  w.p.w.watched_by(&w.c);
  REQUIRE(supervisor != 0);
  w.c.message(supervisor, *gone);
  w.p.w.run_for(4s);
  CHECK(w.c.found().has("S15"));
}

TEST_CASE("S19: an actor that dies by itself is found, one that is killed is not") {
  watched_pair w;
  REQUIRE(w.p.w.crash(w.p.alice, "nat"));
  w.p.w.run_for(10s);
  w.fine();
  w.c.actor_died(0, "nat", 1, caf::make_error(caf::sec::runtime_error));
  CHECK(w.c.found().has("S19"));
}

TEST_CASE("S19: an error that is logged is found") {
  watched_pair w;
  spdlog::error("something broke");
  w.p.w.run_for(2s);
  CHECK(w.c.found().has("S19"));
}

TEST_CASE("L5: a disconnect that nobody answers is found") {
  watched_pair w;
  struct ear : world_watcher {
    checker* to = nullptr;
    void message(std::uint64_t actor, caf::mailbox_element& what) override {
      // That the peer is gone is hidden from the checker.
      if (what.content().match_elements<msg::peer_update>() &&
          what.content().get_as<msg::peer_update>(0).gone)
        return;
      to->message(actor, what);
    }
    void before_event(time_point due) override { to->before_event(due); }
  } deaf;
  deaf.to = &w.c;
  w.p.w.watched_by(&deaf);
  REQUIRE(w.p.w.disconnect(w.p.alice, "bob").has_value());
  w.p.w.run_for(120s);
  w.p.w.watched_by(&w.c);
  CHECK(w.c.found().has("L5"));
}

TEST_CASE("L6: actors that outlive their daemon are found") {
  watched_pair w;
  w.c.daemon_killed(0); // it goes on
  w.p.w.run_for(3s);
  CHECK(w.c.found().has("L6"));
}

TEST_CASE("a run is the same whether it is held against the invariants or not") {
  const auto run = [](bool checked) {
    world_settings settings;
    settings.log_packets = true;
    pair_world p{port_restricted(), symmetric(), settings, 2};
    std::optional<checker> c;
    if (checked) c.emplace(p.w);
    link_settings rough;
    rough.delay = 20ms;
    rough.jitter = 5ms;
    rough.loss_ppm = 20'000;
    p.w.net().set_default(rough);
    p.meet();
    p.w.start_pings(p.alice, p.bob, 100ms, 600);
    p.w.run_for(30s);
    p.w.kill(p.bob);
    p.w.run_for(10s);
    p.w.start(p.bob);
    p.w.run_for(30s);
    if (c) CHECK(c->found().all().empty());
    return p.w.log().hash();
  };
  CHECK(run(false) == run(true));
}
