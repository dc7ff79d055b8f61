#include "sim/virtual_time.hpp"

#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/response_promise.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

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

/// Answers when told to, and then says something else.
struct late_state {
  caf::response_promise open;
  caf::actor whom;
};
caf::behavior answering_late(caf::stateful_actor<late_state>* self) {
  return {
      [=](ask_atom) -> caf::result<int> {
        self->state.whom = caf::actor_cast<caf::actor>(self->current_sender());
        self->state.open = self->make_response_promise();
        return caf::delegated<int>{};
      },
      [=](tell_atom) {
        self->state.open.deliver(1);
        self->send(self->state.whom, 'x');
      },
  };
}

struct everything_said : sim::message_watcher {
  std::string said;
  void handling(std::uint64_t, caf::mailbox_element& what) override {
    const auto& all = what.content();
    if (all.size() == 1 && all.match_element<char>(0)) said += all.get_as<char>(0);
  }
};

} // namespace

TEST_CASE("a message behind an answer that came too late is shown before it is handled") {
  everything_said watcher;
  sim::virtual_time time;
  time.watched_by(&watcher);
  std::string said;
  const auto whom = time.own(time.system().spawn(answering_late));
  const auto who = time.own(time.system().spawn(asking, whom, &said));
  caf::anon_send(who, tell_atom::value);
  time.run_for(2s);
  CHECK(said == "t");
  caf::anon_send(whom, tell_atom::value);
  time.settle();
  CHECK(said == "tx");
  CHECK(watcher.said == "x");
  time.watched_by(nullptr);
}

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
