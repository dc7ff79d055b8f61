#include "tests/support/house.hpp"

#include <caf/typed_response_promise.hpp>

/// Members that are away have no actors; what is said to one makes it another.
using namespace lanrage;
using namespace lanrage::test;

namespace {

const actors::kept_peer& bob_in(const house& h) {
  return h.memory->peers.at(bob_key);
}

std::size_t actors_of(house& h) {
  return h.time.system().registry().running();
}

/// A peer that says it rests, and ends or not when the test says so.
struct scripted {
  struct none {};
  msg::connection_supervisor_actor supervisor;
  int made = 0;
  std::vector<std::string> heard; ///< since the last one was made
  std::optional<caf::typed_response_promise<msg::rest_answer>> asked;
  std::function<void()> quit;

  void answer(bool rests) {
    std::exchange(asked, std::nullopt)->deliver(msg::rest_answer{rests});
    if (rests) quit();
  }
};

msg::peer_actor::behavior_type scripted_peer(msg::peer_actor::stateful_pointer<scripted::none> self,
                                             scripted* s, const msg::peer_memory& saved) {
  ++s->made;
  s->heard.clear();
  s->quit = [self] { self->quit(); };
  msg::connection_view view;
  view.key = bob_key;
  view.id = house::bob();
  view.at = msg::phase::failed;
  view.error = net::errc::peer_offline;
  view.reason = "bob is offline";
  self->send(s->supervisor, msg::peer_update{view, saved, false, true});
  const auto note = [s](const char* what) { s->heard.emplace_back(what); };
  return {[note](const msg::peer_known&) { note("known"); },
          [note](const msg::signal_received&) { note("signal"); },
          [](const msg::path_event&) {},
          [](const msg::wg_signal&) {},
          [](const msg::own_paths&) {},
          [](const msg::own_legs&) {},
          [](const msg::network_changed&) {},
          [](const msg::control_state&) {},
          [note](const msg::connect_peer&) { note("connect"); },
          [note](const msg::close_peer&) { note("close"); },
          [self, s](const msg::rest_peer&) {
            s->asked = self->make_response_promise<msg::rest_answer>();
            return *s->asked;
          },
          [](const msg::get_explanation&) { return msg::explanation{}; }};
}

actors::peer_factory scripted_by(scripted& s) {
  return [&s](caf::actor_system& system, const std::shared_ptr<const msg::roles>& roles,
              const std::shared_ptr<msg::peer_memory>& saved, const msg::peer_actor&) {
    s.supervisor = roles->supervisor;
    return msg::peer_actor{system.spawn(scripted_peer, &s, *saved)};
  };
}

} // namespace

TEST_CASE("a member that is away has no actor, and can be looked at all the same") {
  house h;
  const auto before = actors_of(h);
  h.bob_is_offline();
  CHECK(bob_in(h).rests);
  CHECK_FALSE(bob_in(h).guardian);
  CHECK(actors_of(h) == before);
  CHECK(h.count("set") == 1); // WireGuard has it
  CHECK(h.count("remove") == 0);
  CHECK(h.phase() == msg::phase::failed);
  CHECK(h.status()->error == net::errc::peer_offline);
  const auto list = h.time.ask<msg::status_report>(h.roles.supervisor, 0s, msg::list_status{});
  REQUIRE(list);
  CHECK(list->peers.size() == 1);
  const auto why =
      h.time.ask<msg::explanation>(h.roles.supervisor, 0s, msg::explain_peer{{}, house::bob()});
  REQUIRE(why);
  CHECK(why->decision == "bob is offline");
  REQUIRE(why->candidates.size() == bob_in(h).saved->record.candidates.size());
  for (const auto& each : why->candidates)
    CHECK(each.verdict == "not tried: the peer is offline");
}

TEST_CASE("a member that rests is connected as soon as it comes") {
  house h;
  h.bob_is_offline();
  REQUIRE(bob_in(h).rests);
  SECTION("says the server") {
    h.bob_is_known();
  }
  SECTION("says its own word") {
    h.bob_says(net::signal_kind::offer);
  }
  SECTION("says WireGuard, which shook hands with it") {
    h.seen->writer_knows_session = true;
    caf::anon_send(h.roles.supervisor, msg::handshake_seen{bob_key});
    h.time.settle();
  }
  SECTION("nobody knows any more whether it is there") {
    h.seen->findable->presence_known = false;
    h.tell(msg::control_state{});
    h.time.run_for(100ms); // a few at a time
  }
  CHECK_FALSE(bob_in(h).rests);
  CHECK(bob_in(h).guardian);
  h.bob_connects();
  CHECK(h.phase() == msg::phase::connected);
}

TEST_CASE("what changes at a member that rests reaches WireGuard") {
  house h;
  h.bob_is_offline();
  h.seen->writer.clear();
  SECTION("nothing new: nothing is done") {
    h.tell(msg::peer_known{*h.seen->findable});
    CHECK(h.seen->writer.empty());
    CHECK(bob_in(h).rests);
  }
  SECTION("another address") {
    ++h.seen->findable->record.version;
    h.seen->findable->record.address = record_of("carol", 3).address;
    h.tell(msg::peer_known{*h.seen->findable});
    CHECK(h.count("set") >= 1);
    CHECK(bob_in(h).rests);
    CHECK(bob_in(h).saved->record.address == record_of("carol", 3).address);
  }
  SECTION("it left the party") {
    h.tell(msg::peer_gone{h.seen->findable->record.party, bob_key});
    CHECK(h.count("remove") == 1);
    CHECK(h.memory->peers.empty());
  }
  SECTION("a user disconnects it") {
    const auto done =
        h.time.ask<msg::done>(h.roles.supervisor, 1s, msg::disconnect_peer{{}, house::bob()});
    CHECK(done);
    CHECK(h.count("remove") == 1);
    CHECK_FALSE(bob_in(h).rests);
    CHECK_FALSE(bob_in(h).wanted);
    h.time.run_for(1min);
    CHECK_FALSE(bob_in(h).guardian);
  }
  SECTION("a user asks for it") {
    caf::scoped_actor self{h.time.system()};
    self->send(h.roles.supervisor, msg::connect_peer{{}, house::bob()});
    h.time.run_for(1s);
    CHECK(h.phase() == msg::phase::discovering);
    h.bob_connects();
    CHECK(h.phase() == msg::phase::connected);
  }
}

TEST_CASE("who rests is left alone by a supervisor that was restarted") {
  house h;
  h.bob_is_offline();
  REQUIRE(bob_in(h).rests);
  h.supervisor_dies = true;
  caf::anon_send(h.roles.supervisor, msg::network_changed{});
  h.time.run_for(1s);
  REQUIRE(h.deaths->size() == 1);
  CHECK(h.phase() == msg::phase::failed); // who answers is back
  CHECK(bob_in(h).rests);
  CHECK_FALSE(bob_in(h).guardian);
  h.bob_connects();
  CHECK(h.phase() == msg::phase::connected);
}

TEST_CASE("nothing is lost that is said while a member is asked whether it rests") {
  house h;
  scripted s;
  h.other_peers = scripted_by(s);
  h.bob_is_offline();
  REQUIRE(s.asked);
  REQUIRE(s.made == 1);
  s.heard.clear();
  const auto rests = GENERATE(true, false);
  SECTION("nothing was said") {
    s.answer(rests);
    h.time.settle();
    CHECK(s.made == 1);
    CHECK(bob_in(h).rests == rests);
    CHECK(bool(bob_in(h).guardian) == !rests);
  }
  SECTION("its signal and its presence") {
    h.bob_is_known();
    h.bob_says(net::signal_kind::offer);
    h.bob_says(net::signal_kind::reset);
    CHECK(s.heard.empty());
    s.answer(rests);
    h.time.settle();
    CHECK(s.made == (rests ? 2 : 1));
    CHECK(s.heard == std::vector<std::string>{"known", "signal", "signal"});
  }
  SECTION("a user's wish") {
    caf::scoped_actor self{h.time.system()};
    self->send(h.roles.supervisor, msg::connect_peer{{}, house::bob()});
    h.time.settle();
    s.answer(rests);
    h.time.settle();
    CHECK(s.made == (rests ? 2 : 1));
    CHECK(std::count(s.heard.begin(), s.heard.end(), "connect") == 1);
  }
  SECTION("its end") {
    h.tell(msg::peer_gone{h.seen->findable->record.party, bob_key});
    s.answer(rests);
    h.time.settle();
    CHECK(s.made == (rests ? 2 : 1));
    REQUIRE_FALSE(s.heard.empty());
    CHECK(s.heard.back() == "close");
  }
}

TEST_CASE("one that dies while it is asked is restarted, and told what is known by then") {
  house h;
  scripted s;
  h.other_peers = scripted_by(s);
  h.bob_is_offline();
  REQUIRE(s.asked);
  h.bob_is_known();
  caf::anon_send_exit(bob_in(h).speaker ? caf::actor_cast<caf::actor>(bob_in(h).speaker)
                                        : caf::actor{},
                      caf::exit_reason::user_shutdown);
  h.time.run_for(1s);
  CHECK(s.made == 2);
  CHECK_FALSE(bob_in(h).rests);
  CHECK(std::count(s.heard.begin(), s.heard.end(), "known") >= 1);
}
