#include "actors/shell.hpp"
#include "actors/supervisor/guardian.hpp"
#include "actors/supervisor/root.hpp"
#include "sim/virtual_time.hpp"

#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace std::chrono_literals;
using crash_atom = caf::atom_constant<caf::atom("crash")>;
using leave_atom = caf::atom_constant<caf::atom("leave")>;

namespace {

/// Counts its pings, and dies when told.
caf::behavior mortal(caf::stateful_actor<int>* self, int) {
  actors::install_handlers(self, "mortal");
  self->state = 0;
  return {[self](caf::ping_atom) { return ++self->state; },
          [](crash_atom) -> int { throw std::runtime_error("told to crash"); },
          [self](leave_atom) { self->quit(); }};
}

struct guarded {
  sim::virtual_time time;
  std::shared_ptr<int> incarnations = std::make_shared<int>(0);
  std::shared_ptr<std::vector<actors::death_notice>> deaths =
      std::make_shared<std::vector<actors::death_notice>>();

  caf::actor spawn(const std::string& name = "mortal", caf::actor owner = {}) {
    actors::guardian_settings settings;
    settings.name = name;
    settings.budget = {100ms, 30s, 5, 60s, 60s};
    settings.owner = std::move(owner);
    settings.make = [count = incarnations](caf::actor_system& system, const caf::actor&) {
      ++*count;
      return system.spawn(mortal, 0);
    };
    settings.notify = [seen = deaths](const actors::death_notice& d) { seen->push_back(d); };
    return time.own(actors::spawn_guardian(time.system(), settings));
  }
  int ping(const caf::actor& to) {
    const auto answer = time.ask<int>(to, 0s, caf::ping_atom::value);
    return answer ? *answer : -1;
  }
  bool dead(const caf::actor& who) {
    const auto answer = time.ask<int>(who, 0s, caf::ping_atom::value);
    return !answer && answer.error() == caf::sec::request_receiver_down;
  }
};

} // namespace

TEST_CASE("messages wait for the first start, in their order") {
  guarded g;
  const auto guardian = g.spawn();
  caf::scoped_actor self{g.time.system()};
  for (int i = 0; i < 3; ++i)
    caf::anon_send(guardian, caf::ping_atom::value);
  g.time.settle();
  CHECK(*g.incarnations == 0);
  actors::start_guardian(guardian);
  CHECK(g.ping(guardian) == 4);
}

TEST_CASE("a crashed actor comes back behind the same address, and requests fail fast meanwhile") {
  guarded g;
  const auto guardian = g.spawn();
  actors::start_guardian(guardian);
  CHECK(g.ping(guardian) == 1);
  CHECK(g.ping(guardian) == 2);
  const auto crashed = g.time.ask<int>(guardian, 0s, crash_atom::value);
  REQUIRE_FALSE(crashed);
  CHECK(msg::from_caf(crashed.error()).detail == "told to crash");
  g.time.run_for(99ms);
  const auto meanwhile = g.time.ask<int>(guardian, 0s, caf::ping_atom::value);
  REQUIRE_FALSE(meanwhile);
  CHECK(msg::from_caf(meanwhile.error()).code == net::errc::closed);
  g.time.run_for(1ms);
  CHECK(g.ping(guardian) == 1); // a fresh one
  CHECK(*g.incarnations == 2);
  REQUIRE(g.deaths->size() == 1);
  CHECK(g.deaths->front().cause ==
        "internal: " + std::string(net::sentence(net::errc::internal)) + ": told to crash");
  CHECK(g.deaths->front().restart_in == 100ms);
}

TEST_CASE("who says something to an actor that is restarting lives on") {
  guarded g;
  const auto guardian = g.spawn();
  actors::start_guardian(guardian);
  (void)g.time.ask<int>(guardian, 0s, crash_atom::value);
  // An actor as plain as any of ours: an error that comes unasked ends it.
  const auto talker =
      g.time.own(g.time.system().spawn([guardian](caf::event_based_actor* self) -> caf::behavior {
        self->send(guardian, caf::ping_atom::value);
        return {[](caf::pong_atom) { return 7; }};
      }));
  g.time.settle();
  CHECK(g.time.ask<int>(talker, 0s, caf::pong_atom::value) == 7);
}

TEST_CASE("past its budget a guardian gives up with the cause") {
  guarded g;
  const auto guardian = g.spawn();
  actors::start_guardian(guardian);
  for (int i = 0; i < 6; ++i) {
    (void)g.time.ask<int>(guardian, 0s, crash_atom::value);
    g.time.run_for(4s);
  }
  CHECK(*g.incarnations == 6);
  CHECK(g.dead(guardian));
  REQUIRE(g.deaths->size() == 6);
  CHECK_FALSE(g.deaths->back().restart_in);
}

TEST_CASE("an actor that ends normally is not restarted") {
  guarded g;
  const auto guardian = g.spawn();
  actors::start_guardian(guardian);
  caf::anon_send(guardian, leave_atom::value);
  g.time.run_for(1h);
  CHECK(*g.incarnations == 1);
  CHECK(g.dead(guardian));
  CHECK(g.deaths->empty());
}

TEST_CASE("a factory that throws counts as a death") {
  sim::virtual_time time;
  int attempts = 0;
  actors::guardian_settings settings;
  settings.name = "unborn";
  settings.budget.per_window = 2;
  settings.make = [&](caf::actor_system&, const caf::actor&) -> caf::actor {
    ++attempts;
    throw std::runtime_error("no socket");
  };
  const auto guardian = time.own(actors::spawn_guardian(time.system(), settings));
  actors::start_guardian(guardian);
  time.run_for(1min);
  CHECK(attempts == 3);
}

TEST_CASE("a guardian goes with its owner") {
  guarded g;
  const auto owner = g.time.own(g.time.system().spawn(mortal, 0));
  const auto guardian = g.spawn("owned", owner);
  actors::start_guardian(guardian);
  CHECK(g.ping(guardian) == 1);
  caf::anon_send_exit(owner, caf::exit_reason::user_shutdown);
  g.time.settle();
  CHECK(g.dead(guardian));
}

TEST_CASE("the root starts the roles in order, and ends all when one gives up") {
  guarded g;
  const auto first = g.spawn("first"), second = g.spawn("second");
  std::vector<std::string> fatal;
  const auto root =
      g.time.own(actors::spawn_root(g.time.system(), {{"first", first}, {"second", second}},
                                    [&](const std::string& role, const std::string& cause) {
                                      fatal.push_back(role);
                                      fatal.push_back(cause);
                                    }));
  g.time.settle();
  CHECK(g.ping(first) == 1);
  CHECK(g.ping(second) == 1);
  SECTION("a role exceeds its budget") {
    for (int i = 0; i < 6; ++i) {
      (void)g.time.ask<int>(second, 0s, crash_atom::value);
      g.time.run_for(4s);
    }
    REQUIRE(fatal.size() == 2);
    CHECK(fatal[0] == "second");
    CHECK(fatal[1].find("told to crash") != std::string::npos);
  }
  SECTION("told to end") {
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    g.time.settle();
    CHECK(fatal.empty());
  }
  CHECK(g.dead(first));
  CHECK(g.dead(second));
}

TEST_CASE("virtual time lets each timer see its own moment") {
  sim::virtual_time time;
  std::vector<std::chrono::nanoseconds> seen;
  const auto began = time.now();
  const auto ticker = time.own(time.system().spawn(
      [&](caf::event_based_actor* self, int) -> caf::behavior {
        self->delayed_send(self, 30s, caf::tick_atom::value);
        return {[&, self](caf::tick_atom) {
          seen.push_back(self->clock().now() - began);
          self->delayed_send(self, 30s, caf::tick_atom::value);
        }};
      },
      0));
  time.run_for(1h);
  REQUIRE(seen.size() == 120);
  for (std::size_t i = 0; i < seen.size(); ++i)
    CHECK(seen[i] == (i + 1) * 30s);
}
