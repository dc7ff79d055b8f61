#include "sim/virtual_time.hpp"

#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace lanrage;
using namespace std::chrono_literals;

namespace {

using ask_atom = caf::atom_constant<caf::atom("ask")>;
using tell_atom = caf::atom_constant<caf::atom("tell")>;

caf::behavior answering(caf::event_based_actor*, bool answers) {
  return {[answers](ask_atom) -> caf::result<int> {
    if (answers) return 1;
    return caf::delegated<int>{}; // never
  }};
}

/// Asks when told to; says what came of it.
caf::behavior asking(caf::event_based_actor* self, caf::actor whom, std::string* said) {
  return {
      [=](tell_atom) {
        self->request(whom, 1s, ask_atom::value)
            .then([=](int) { *said += 'a'; }, [=](caf::error&) { *said += 't'; });
      },
      [=](char what) { *said += what; },
  };
}

} // namespace

TEST_CASE("the deadline of an answered request comes to nobody") {
  sim::virtual_time time;
  std::string said;
  const auto whom = time.own(time.system().spawn(answering, true));
  const auto who = time.own(time.system().spawn(asking, whom, &said));
  caf::anon_send(who, tell_atom::value);
  time.run_for(500ms);
  CHECK(said == "a");
  CHECK(time.pending_timers() == 1);
  time.run_for(1s);
  CHECK(said == "a");
  CHECK(time.pending_timers() == 0);
  CHECK(time.timers() == 0); // it was not worth waking the actor
}

TEST_CASE("the deadline of a request without answer comes in time") {
  sim::virtual_time time;
  std::string said;
  const auto whom = time.own(time.system().spawn(answering, false));
  const auto who = time.own(time.system().spawn(asking, whom, &said));
  caf::anon_send(who, tell_atom::value);
  time.run_for(999ms);
  CHECK(said.empty());
  time.run_for(1ms);
  CHECK(said == "t");
  CHECK(time.timers() == 1);
}

TEST_CASE("timers fire by time and then in the order of their making") {
  sim::virtual_time time;
  std::string said;
  const auto who = time.own(time.system().spawn(asking, caf::actor{}, &said));
  caf::scoped_actor self{time.system()};
  for (const auto& [wait, what] : {std::pair{20ms, 'c'}, {10ms, 'a'}, {20ms, 'd'}, {10ms, 'b'}})
    self->delayed_send(who, wait, what);
  time.run_for(10ms);
  CHECK(said == "ab");
  time.run_for(10ms);
  CHECK(said == "abcd");
}
