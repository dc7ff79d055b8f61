#include "actors/nat/nat_actor.hpp"
#include "net/frames.hpp"
#include "net/stun.hpp"
#include "sim/virtual_time.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;

namespace {

/// What the roles around nat were told.
struct heard {
  std::vector<msg::send_frame> frames;
  std::vector<msg::frame_interest> interests;
  std::vector<msg::own_paths> at_directory;
  std::vector<msg::own_paths> at_supervisor;
  std::vector<std::pair<caf::actor_clock::time_point, msg::path_event>> events;
  std::size_t directory_sinks = 0;
  std::size_t network_sinks = 0;
  std::size_t host_requests = 0;
};

struct stage {
  explicit stage(std::uint64_t seed)
      : key{net::generate_x25519<net::wg_private_key>(seeded(seed))} {
    const auto log = said;
    roles.port = fake<msg::port_actor>([log](caf::event_based_actor*) -> caf::behavior {
      return {[log](const msg::send_frame& frame) { log->frames.push_back(frame); },
              [log](const msg::attach_frames& order) { log->interests.push_back(order.interest); }};
    });
    roles.directory = fake<msg::directory_actor>([log](caf::event_based_actor*) -> caf::behavior {
      return {[log](const msg::own_paths& paths) { log->at_directory.push_back(paths); },
              [log](const msg::attach_directory&) { ++log->directory_sinks; }};
    });
    roles.supervisor =
        fake<msg::connection_supervisor_actor>([log](caf::event_based_actor*) -> caf::behavior {
          return {[log](const msg::own_paths& paths) { log->at_supervisor.push_back(paths); }};
        });
    roles.route_watch =
        fake<msg::route_watch_actor>([this](caf::event_based_actor*) -> caf::behavior {
          return {[this](const msg::get_host_addresses&) -> caf::result<msg::host_addresses> {
                    if (said->host_requests++ < refuse_hosts) return caf::sec::runtime_error;
                    return msg::host_addresses{{host}};
                  },
                  [this](const msg::attach_network&) { ++said->network_sinks; }};
        });
    sink = fake<msg::path_sink>([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const msg::path_event& event) {
        said->events.push_back({time.now(), event});
      }};
    });
    // Stands where the guardian will: the address that nat gives away as its own.
    roles.nat = fake<msg::nat_actor>([](caf::event_based_actor*) -> caf::behavior {
      return {[](const msg::get_paths&) { return msg::own_paths{}; }};
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
  void run() {
    nat = time.own(spawn_nat(time.system(), roles, {key, 51820, random}, memory));
    time.settle();
  }
  template <class Message>
  void tell(Message message) {
    caf::anon_send(nat, std::move(message));
    time.settle();
  }
  void expect(const net::wg_public_key& peer, bool ready = true) {
    tell(msg::attach_paths{{peer, ready}, sink});
  }

  sim::virtual_time time;
  std::shared_ptr<heard> said = std::make_shared<heard>();
  std::shared_ptr<nat_memory> memory = std::make_shared<nat_memory>();
  net::wg_private_key key;
  net::wg_public_key pub = net::public_key(key);
  net::random_source random = seeded(1);
  net::ip_address host = at("192.168.1.5:1").address;
  std::size_t refuse_hosts = 0;
  msg::roles roles;
  msg::path_sink sink;
  msg::nat_actor nat;
};

const auto relay = at("203.0.113.3:51820");
const auto there = at("203.0.113.9:51820");

/// The peer's answer to a probe that nat sent.
msg::frame_received answer_to(const msg::send_frame& sent, const net::wg_private_key& peer,
                              const net::wg_public_key& own) {
  const auto key = net::probe_key(peer, own).value();
  auto frame = net::decode_probe(*sent.data, key).value();
  std::swap(frame.from, frame.to);
  frame.answer = true;
  frame.ready = true;
  return {sent.to, {}, std::make_shared<const net::bytes>(net::encode(frame, key))};
}

} // namespace

TEST_CASE("on its start nat attaches itself and publishes the host candidates", "[nat][actor]") {
  stage s{1};
  s.run();
  CHECK(s.said->interests == std::vector{msg::frame_interest::paths});
  CHECK(s.said->directory_sinks == 1);
  CHECK(s.said->network_sinks == 1);
  REQUIRE(s.said->at_directory.size() == 1);
  REQUIRE(s.said->at_supervisor.size() == 1);
  CHECK(s.said->at_directory[0].candidates.at(0).address == at("192.168.1.5:51820"));
}

TEST_CASE("a route watch that fails is asked again", "[nat][actor]") {
  stage s{1};
  s.refuse_hosts = 2;
  s.run();
  CHECK(s.said->at_directory.empty());
  s.time.run_for(10s);
  CHECK(s.said->host_requests == 3);
  CHECK(s.said->at_directory.size() == 1);
}

TEST_CASE("listed relays are asked for our address and the answer is published", "[nat][actor]") {
  stage s{1};
  s.run();
  s.tell(msg::directory_event{msg::relays_listed{{{{}, "r", relay}}, {}}});
  REQUIRE(s.said->frames.size() == 1);
  CHECK(s.said->frames[0].to == relay);
  s.time.run_for(250ms);
  CHECK(s.said->frames.size() == 2); // repeated
  const auto id = net::stun::parse_request(*s.said->frames[0].data)->id;
  const auto answer = net::stun::binding_success(id, at("198.51.100.1:4000"));
  s.tell(msg::frame_received{relay, {}, std::make_shared<const net::bytes>(answer)});
  REQUIRE(s.said->at_supervisor.size() == 2);
  CHECK(s.said->at_supervisor[1].candidates.size() == 2);
  const auto paths = s.time.ask<msg::own_paths>(s.nat, 1s, msg::get_paths{});
  REQUIRE(paths);
  CHECK(paths->candidates == s.said->at_supervisor[1].candidates);
}

TEST_CASE("a changed network publishes the new host candidates", "[nat][actor]") {
  stage s{1};
  s.run();
  s.tell(msg::network_changed{{{at("10.0.0.7:1").address}}});
  REQUIRE(s.said->at_directory.size() == 2);
  CHECK(s.said->at_directory[1].candidates.at(0).address == at("10.0.0.7:51820"));
}

TEST_CASE("it tells what the last punch made of each address of a peer", "[nat][actor]") {
  stage s{1};
  const auto pub = net::public_key(net::generate_x25519<net::wg_private_key>(seeded(2)));
  s.run();
  const auto ask = [&] {
    const auto said = s.time.ask<msg::tried_addresses>(s.nat, 1s, msg::get_tried{pub});
    REQUIRE(said);
    return *said;
  };
  CHECK(ask().empty());
  s.expect(pub);
  CHECK(ask().empty());
  s.tell(msg::start_punch{pub, 1, {{net::candidate_kind::host, there}}, 0us});
  s.time.run_for(5s);
  const auto all = ask();
  REQUIRE(all.size() == 1);
  CHECK(all[0].what.address == there);
  CHECK(all[0].sent > 5);
  CHECK(all[0].answered == 0);
}

TEST_CASE("a punch reports to the sink of its peer", "[nat][actor]") {
  stage s{1};
  const auto peer = net::generate_x25519<net::wg_private_key>(seeded(2));
  const auto pub = net::public_key(peer);
  s.run();
  s.expect(pub);
  const auto start = s.time.now();
  s.tell(msg::start_punch{pub, 1, {{net::candidate_kind::host, there}}, 10'000us});
  CHECK(s.said->frames.empty());
  CHECK(s.memory->punching.size() == 1);
  s.time.run_for(15ms);
  REQUIRE(s.said->frames.size() == 1);
  CHECK(s.said->frames[0].to == there);
  s.tell(answer_to(s.said->frames[0], peer, s.pub));
  REQUIRE(s.said->events.size() == 1);
  const auto& [when, event] = s.said->events[0];
  CHECK(when == start + 15ms);
  CHECK(event.news == msg::path_news::proven);
  CHECK(event.where == there);
  CHECK(event.rtt == 5ms);
  CHECK(event.peer_ready);
  CHECK(s.memory->punching.empty());
  s.time.run_for(10s);
  CHECK(s.said->frames.size() == 1);
}

TEST_CASE("timers fire at their own moment: a hopeless punch sends 16 rounds and fails after 2 s",
          "[nat][actor]") {
  stage s{1};
  const auto pub = net::public_key(net::generate_x25519<net::wg_private_key>(seeded(2)));
  s.run();
  s.expect(pub);
  const auto start = s.time.now();
  s.tell(msg::start_punch{pub, 4, {{net::candidate_kind::host, there}}, 0us});
  s.time.run_for(1h);
  CHECK(s.said->frames.size() == 16);
  REQUIRE(s.said->events.size() == 1);
  CHECK(s.said->events[0].first == start + 2s);
  CHECK(s.said->events[0].second.news == msg::path_news::failed);
  CHECK(s.said->events[0].second.epoch == 4);
}

TEST_CASE("a forgotten peer is neither answered nor reported", "[nat][actor]") {
  stage s{1};
  const auto pub = net::public_key(net::generate_x25519<net::wg_private_key>(seeded(2)));
  s.run();
  s.expect(pub);
  s.tell(msg::start_punch{pub, 4, {{net::candidate_kind::host, there}}, 0us});
  s.tell(msg::forget_peer{pub});
  s.time.run_for(10s);
  CHECK(s.said->frames.size() == 1);
  CHECK(s.said->events.empty());
  CHECK(s.memory->expected.empty());
}

TEST_CASE("the next incarnation answers the same peers and goes on punching", "[nat][actor]") {
  stage s{1};
  const auto peer = net::generate_x25519<net::wg_private_key>(seeded(2));
  const auto pub = net::public_key(peer);
  s.run();
  s.tell(msg::directory_event{msg::relays_listed{{{{}, "r", relay}}, {}}});
  s.expect(pub);
  s.tell(msg::start_punch{pub, 3, {{net::candidate_kind::host, there}}, 0us});
  caf::anon_send_exit(s.nat, caf::exit_reason::kill);
  s.time.run_for(100ms);
  s.said->frames.clear();
  s.run();
  CHECK(s.said->interests.size() == 2);
  std::vector<net::endpoint> sent;
  for (const auto& frame : s.said->frames)
    sent.push_back(frame.to);
  CHECK(sent == std::vector{relay, there, relay}); // the hosts came again: asked again
  s.tell(answer_to(s.said->frames.at(1), peer, s.pub));
  REQUIRE(s.said->events.size() == 1);
  CHECK(s.said->events[0].second.news == msg::path_news::proven);
  CHECK(s.said->events[0].second.epoch == 3);
}

TEST_CASE("an incarnation that comes after the deadline does not punch again", "[nat][actor]") {
  stage s{1};
  const auto pub = net::public_key(net::generate_x25519<net::wg_private_key>(seeded(2)));
  s.run();
  s.expect(pub);
  s.tell(msg::start_punch{pub, 3, {{net::candidate_kind::host, there}}, 0us});
  caf::anon_send_exit(s.nat, caf::exit_reason::kill);
  s.time.run_for(3s);
  s.said->frames.clear();
  s.run();
  CHECK(s.said->frames.empty());
}
