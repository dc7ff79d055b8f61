#include "actors/peer/peer_actor.hpp"
#include "tests/support/fake_roles.hpp"

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace lanrage;
using namespace lanrage::test;

namespace {

/// Timers take a tenth less than they were set for.
struct hasty : sim::actor_faults {
  sim::virtual_time* time = nullptr;

  bool before(caf::scheduled_actor&) override { return true; }
  void after(caf::scheduled_actor&, bool) override {}
  std::size_t pick(std::size_t) override { return 0; }
  caf::actor_clock::time_point due(caf::actor_clock::time_point at, const caf::abstract_actor&,
                                   bool request) override {
    return request ? at : at - (at - time->now()) / 10;
  }
};

caf::behavior listening(caf::event_based_actor* self, std::vector<msg::phase>* said) {
  self->set_default_handler(caf::drop);
  return {[said](const msg::peer_update& update) { said->push_back(update.view->at); }};
}

} // namespace

TEST_CASE("an alarm that rings before its time is set again") {
  hasty timers;
  sim::virtual_time time;
  timers.time = &time;
  time.use(&timers);
  std::vector<msg::phase> said;
  auto roles = fake_roles(time, std::make_shared<told>());
  const auto ear = time.own(time.system().spawn(listening, &said));
  roles.supervisor = caf::actor_cast<msg::connection_supervisor_actor>(ear);
  actors::peer_settings how;
  how.own = alice_key;
  how.wall = [] { return msg::unix_ms{}; };
  time.own(actors::spawn_peer(time.system(), std::make_shared<const msg::roles>(roles),
                              std::make_shared<const actors::peer_settings>(how),
                              std::make_shared<msg::peer_memory>(saved_of(record_of("bob", 2))),
                              caf::actor_cast<msg::peer_actor>(ear)));
  time.run_for(9'900ms);
  REQUIRE_FALSE(said.empty());
  CHECK(said.back() == msg::phase::negotiating);
  time.run_for(200ms); // nobody answers for 10 s
  CHECK(said.back() == msg::phase::failed);
}
