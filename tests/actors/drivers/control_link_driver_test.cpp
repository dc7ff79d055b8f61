#include "actors/drivers/control_link_driver.hpp"
#include "net/os/io_thread.hpp"
#include "tests/net/control/live.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>

using namespace lanrage;
using namespace std::chrono_literals;
namespace control = net::control;
using net::errc;

namespace {

/// What the link said, handed from the actors' threads to the test's.
struct heard_queue {
  std::mutex mutex;
  std::condition_variable came;
  std::deque<msg::control_heard> all;

  void push(const msg::control_heard& heard) {
    const std::lock_guard lock{mutex};
    all.push_back(heard);
    came.notify_one();
  }
  msg::control_heard next() {
    std::unique_lock lock{mutex};
    if (!came.wait_for(lock, test::patience, [this] { return !all.empty(); })) FAIL("nothing came");
    auto out = std::move(all.front());
    all.pop_front();
    return out;
  }
  template <class T>
  T next_is(std::uint64_t attempt) {
    const auto heard = next();
    CHECK(heard.attempt == attempt);
    if (!std::holds_alternative<T>(heard.what)) {
      if (const auto* closed = std::get_if<msg::link_closed>(&heard.what))
        FAIL(to_string(closed->why));
      FAIL("something else came");
    }
    return std::get<T>(heard.what);
  }
};

struct no_state {};
msg::control_sink::behavior_type listener(msg::control_sink::stateful_pointer<no_state>,
                                          std::shared_ptr<heard_queue> heard) {
  return {[heard](const msg::control_heard& m) { heard->push(m); }};
}

struct bench {
  test::live_server server;
  net::os::io_thread io; // outlives the actors
  std::shared_ptr<heard_queue> heard = std::make_shared<heard_queue>();
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  msg::control_sink sink;
  msg::control_link_actor link;
  test::test_party party;
  test::test_member alice{"alice"};

  bench() {
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", std::size_t{2});
    config.set("logger.verbosity", caf::atom("quiet"));
    system = std::make_unique<caf::actor_system>(config);
    sink = system->spawn(listener, heard);
    msg::roles roles; // without a directory: the test attaches itself
    link = actors::spawn_control_link_driver(*system, roles, io.context(), alice.key, true);
    caf::anon_send(link, msg::attach_control{sink});
  }
  ~bench() {
    caf::anon_send_exit(link, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
    link = nullptr;
    sink = nullptr;
    system.reset();
    io.stop();
  }
  void open(std::uint64_t attempt, bool create = true) {
    const auto in = alice.in(party, create);
    caf::anon_send(link, msg::control_open{attempt,
                                           server.server->line(),
                                           {{in.party, in.id, in.verifier, in.create}}});
  }
};

} // namespace

TEST_CASE("the link opens with the welcome and a delay, says and hears") {
  bench b;
  b.open(7);
  const auto up = b.heard->next_is<msg::link_opened>(7);
  CHECK(up.welcome.parties.size() == 1);
  CHECK(up.delay > 0us);
  CHECK(up.delay < 1s);
  caf::anon_send(b.link, msg::control_say{control::leave_request{b.party.id}});
  const auto answer = b.heard->next_is<control::server_message>(7);
  CHECK(std::holds_alternative<control::party_left>(answer));
  const auto in = b.alice.in(b.party, true);
  caf::anon_send(b.link, msg::control_join{{in.party, in.id, in.verifier, in.create}});
  const auto joined = b.heard->next_is<control::server_message>(7);
  CHECK(std::holds_alternative<control::party_joined>(joined));
}

TEST_CASE("a refused login and a vanished server close the link with the reason") {
  bench b;
  b.open(1, false);
  CHECK(b.heard->next_is<msg::link_closed>(1).why.code == errc::party_not_found);
  b.open(2);
  b.heard->next_is<msg::link_opened>(2);
  b.server.server->stop();
  CHECK(b.heard->next_is<msg::link_closed>(2).why.code == errc::closed);
  b.open(3);
  const auto why = b.heard->next_is<msg::link_closed>(3).why;
  CHECK(why.code == errc::control_unreachable);
}

TEST_CASE("a new open ends the connection before it, whose news is not passed on") {
  bench b;
  b.open(1);
  b.heard->next_is<msg::link_opened>(1);
  b.open(2);
  b.heard->next_is<msg::link_opened>(2); // and nothing of attempt 1 in between
  CHECK(b.server.counts([](const auto& c) { return c.sessions == 1; }));
  caf::anon_send(b.link, msg::control_close{});
  CHECK(b.server.counts([](const auto& c) { return c.sessions == 0; }));
}

TEST_CASE("a driver that is killed takes its connection along") {
  bench b;
  b.open(1);
  b.heard->next_is<msg::link_opened>(1);
  caf::anon_send_exit(b.link, caf::exit_reason::kill);
  CHECK(b.server.counts([](const auto& c) { return c.sessions == 0; }));
}
