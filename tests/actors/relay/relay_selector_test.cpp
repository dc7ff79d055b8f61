#include "actors/relay/relay_selector.hpp"
#include "sim/virtual_time.hpp"
#include "tests/actors/relay/arrival.hpp"
#include "tests/actors/relay/relay_world.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;

namespace {

/// The selector among fakes; its port leads to one real relay core, 15 ms away.
struct stage {
  stage() {
    own = net::generate_x25519<net::wg_private_key>(random.source());
    control = net::generate_secret<net::token_private_key>(random.source());
    const auto key = net::generate_x25519<net::relay_private_key>(random.source());
    core = std::make_unique<net::relay::relay_core>(key, net::public_key(control), limits(),
                                                    random.source());
    info = {net::public_key(key), "relay1", {net::ip_address::v4(0xc0000201), 51820}};
    roles.port = fake<msg::port_actor>([this](caf::event_based_actor* self) -> caf::behavior {
      return {[this, self](const msg::send_frame& frame) { carry(self, frame); },
              [this](const arrival& a) { caf::anon_send(selector, a.frame); },
              [this](const msg::attach_frames& order) { interests.push_back(order.interest); }};
    });
    roles.directory = fake<msg::directory_actor>([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const msg::own_legs& legs) {
                at_directory.push_back({time.now(), legs});
              },
              [this](const msg::attach_directory&) { ++directory_sinks; }};
    });
    roles.supervisor =
        fake<msg::connection_supervisor_actor>([this](caf::event_based_actor*) -> caf::behavior {
          return {[this](const msg::own_legs& legs) { at_supervisor.push_back(legs); },
                  [this](const msg::connection_event& event) { events.push_back(event); }};
        });
    roles.route_watch =
        fake<msg::route_watch_actor>([this](caf::event_based_actor*) -> caf::behavior {
          return {[this](const msg::attach_network&) { ++network_sinks; }};
        });
    roles.store = fake<msg::store_actor>([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const msg::store_put& put) {
        stored.push_back(put);
        return msg::done{};
      }};
    });
    // Stands where the guardian will: the address the selector gives away as its own.
    roles.relays = fake<msg::relay_selector_actor>([](caf::event_based_actor*) -> caf::behavior {
      return {[](const msg::relay_trouble&) {}};
    });
  }
  template <class Handle, class F>
  Handle fake(F behave) {
    const auto made = time.system().spawn(
        [behave](caf::event_based_actor* self, int) {
          self->set_default_handler(caf::drop);
          return behave(self);
        },
        0);
    return time.own(caf::actor_cast<Handle>(made));
  }
  void carry(caf::event_based_actor* self, const msg::send_frame& frame) {
    ++carried;
    if (down || frame.to != info.address) return;
    const net::relay::instant when{self->clock().now(), net::relay::unix_time{unix_now()}};
    const auto said = core->receive(*frame.data, {address, 0}, when);
    if (said.what != net::relay::verdict::action::answer) return;
    self->delayed_send(
        self, 30ms,
        arrival{{info.address,
                 {},
                 std::make_shared<const net::bytes>(said.payload.begin(), said.payload.end())}});
  }
  msg::unix_ms unix_now() {
    return std::chrono::duration_cast<msg::unix_ms>(time.now().time_since_epoch()) + 1'800'000'000s;
  }
  void start() {
    selector = time.own(
        spawn_relay_selector(time.system(), roles, {own, [this] { return unix_now(); }}, memory));
    time.settle();
  }
  void give_list() {
    net::relay_token t;
    t.member = net::public_key(own);
    t.party = party(1);
    t.relay = info.id();
    t.expires_unix_s = 1'900'000'000;
    caf::anon_send(selector,
                   msg::directory_event{msg::relays_listed{{info}, {encode(sign(t, control))}}});
    time.settle();
  }

  lanrage::test::splitmix random{7};
  sim::virtual_time time;
  net::wg_private_key own;
  net::token_private_key control;
  std::unique_ptr<net::relay::relay_core> core;
  net::relay_info info;
  net::endpoint address{net::ip_address::v4(0xc6336401), 51820};
  bool down = false;
  msg::roles roles;
  std::shared_ptr<relay_selector_memory> memory = std::make_shared<relay_selector_memory>();
  msg::relay_selector_actor selector;
  int carried = 0;
  std::vector<msg::frame_interest> interests;
  int directory_sinks = 0;
  int network_sinks = 0;
  std::vector<std::pair<caf::actor_clock::time_point, msg::own_legs>> at_directory;
  std::vector<msg::own_legs> at_supervisor;
  std::vector<msg::connection_event> events;
  std::vector<msg::store_put> stored;
};

} // namespace

TEST_CASE("the selector attaches itself to port, directory and route watch") {
  stage s;
  s.start();
  CHECK(s.interests == std::vector{msg::frame_interest::relays});
  CHECK(s.directory_sinks == 1);
  CHECK(s.network_sinks == 1);
}

TEST_CASE("a listed relay is registered with and told to directory, supervisor and watchers") {
  stage s;
  s.start();
  const auto begin = s.time.now();
  s.give_list();
  s.time.run_for(1s);
  REQUIRE(s.at_directory.size() == 1);
  CHECK(s.at_directory[0].first - begin == 60ms);
  CHECK(s.at_directory[0].second.legs == std::vector<net::relay_leg>{{s.info.id(), 30ms}});
  CHECK(s.at_supervisor.size() == 1);
  REQUIRE(s.events.size() == 1);
  CHECK(s.events[0].what == "relay");
  CHECK(s.events[0].text == "registered with relay1, 30 ms away");
}

TEST_CASE("ranking is answered at once") {
  stage s;
  s.start();
  s.give_list();
  s.time.run_for(1s);
  const auto found =
      s.time.ask<msg::relay_ranking>(s.selector, 1ms, msg::rank_relays{{}, {{s.info.id(), 12ms}}});
  REQUIRE(found);
  REQUIRE(found->choices.size() == 1);
  CHECK(found->choices[0] == msg::relay_choice{s.info.id(), "relay1", s.info.address, 42ms});
  const auto none = s.time.ask<msg::relay_ranking>(s.selector, 1ms, msg::rank_relays{{}, {}});
  REQUIRE(none);
  CHECK(none->choices.empty());
}

TEST_CASE("an hour of renewals runs on one timer") {
  stage s;
  s.start();
  s.give_list();
  s.time.run_for(1h);
  // Every 15.03 s a renewal, every minute a ping, and the first three frames.
  CHECK(s.core->count().renewals == 239);
  CHECK(s.carried >= 239 + 59);
  CHECK(s.carried <= 239 + 63);
  CHECK(s.at_directory.size() == 1);
}

TEST_CASE("trouble at a dead relay withdraws it within a second") {
  stage s;
  s.start();
  s.give_list();
  s.time.run_for(1s);
  s.down = true;
  caf::anon_send(s.selector, msg::relay_trouble{s.info.id()});
  s.time.run_for(1s);
  REQUIRE(s.at_directory.size() == 2);
  CHECK(s.at_directory[1].second.legs.empty());
  CHECK(s.events.back().text == "lost relay1");
}

TEST_CASE("the next incarnation resumes by itself, in one round trip") {
  stage s;
  s.start();
  s.give_list();
  s.time.run_for(10s);
  caf::anon_send_exit(s.selector, caf::exit_reason::kill);
  s.time.settle();
  s.at_directory.clear();
  const auto begin = s.time.now();
  s.start(); // no list is given: it remembers
  s.time.run_for(1s);
  REQUIRE(s.at_directory.size() == 1);
  CHECK(s.at_directory[0].first - begin == 30ms);
  CHECK(s.core->count().stale == 0);
}

TEST_CASE("what resumes a registration is saved when it changes, and resumes it in a new process") {
  stage s;
  s.start();
  s.give_list();
  s.time.run_for(10min);
  REQUIRE(s.stored.size() == 1); // forty renewals alone save nothing
  CHECK(s.stored[0].name == "relays.json");
  caf::anon_send_exit(s.selector, caf::exit_reason::kill);
  s.time.settle();
  s.at_directory.clear();
  s.memory = load_relays(s.stored[0].text);
  s.start();
  const auto begin = s.time.now();
  s.give_list();
  s.time.run_for(10min);
  REQUIRE(s.at_directory.size() == 1);
  CHECK(s.at_directory[0].first - begin == 30ms);
  CHECK(s.stored.size() == 1);
}

TEST_CASE("a damaged memory of relays is a fresh start") {
  CHECK(load_relays("{\"v\":7}")->table.relays.empty());
  CHECK(load_relays("")->table.relays.empty());
}

TEST_CASE("a changed network is told to the relay at once") {
  stage s;
  s.start();
  s.give_list();
  s.time.run_for(1s);
  s.address.port = 4711;
  caf::anon_send(s.selector, msg::network_changed{});
  s.time.run_for(60ms);
  CHECK(s.core->count().moved == 1);
}

TEST_CASE("frames that are nobody's and messages out of order do no harm") {
  stage s;
  s.start();
  caf::anon_send(s.selector, msg::frame_received{s.info.address, {}, nullptr});
  caf::anon_send(s.selector,
                 msg::frame_received{s.info.address, {}, std::make_shared<const net::bytes>(3, 0)});
  caf::anon_send(s.selector, msg::relay_trouble{{}});
  caf::anon_send(s.selector, msg::network_changed{});
  s.give_list();
  s.time.run_for(1s);
  CHECK(s.at_directory.size() == 1);
}
