#include "actors/wg/wg_writer.hpp"
#include "messages/error.hpp"
#include "sim/virtual_time.hpp"
#include "tests/actors/wg/wg_keys.hpp"

#include <caf/exit_reason.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <memory>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::test;
using namespace std::chrono_literals;
using net::errc;

namespace {

const auto old_path = at("192.0.2.1:1");
const auto new_path = at("192.0.2.2:2");

/// The scripted device: a WireGuard in memory behind the driver's interface.
struct script {
  fake_wireguard device;
  int ensures = 0;
  bool ignore = false; ///< takes questions and never answers, like a driver that hangs
};

struct device_state {
  std::vector<caf::typed_response_promise<msg::device_state>> hung;
};

msg::wg_device_actor::behavior_type
scripted(msg::wg_device_actor::stateful_pointer<device_state> self, std::shared_ptr<script> how) {
  return {
      [how](const msg::ensure_device&) -> caf::result<msg::device_state> {
        ++how->ensures;
        const bool created = std::exchange(how->device.gone, false);
        if (created) how->device.now = {};
        return msg::device_state{how->device.now, created};
      },
      [how, self](const msg::observe_device&) -> caf::result<msg::device_state> {
        if (how->ignore)
          return self->state.hung.emplace_back(self->make_response_promise<msg::device_state>());
        if (how->device.gone) return msg::to_caf(net::fail(errc::wg_unavailable, "gone"));
        return msg::device_state{how->device.now, false};
      },
      [how](const msg::apply_changes& order) -> caf::result<msg::done> {
        if (how->device.gone) return msg::to_caf(net::fail(errc::wg_unavailable, "gone"));
        if (!how->device.apply(order.changes))
          return msg::to_caf(net::fail(errc::wg_refused, "poison"));
        return msg::done{};
      },
      [how](const msg::remove_device&) -> caf::result<msg::done> {
        how->device.gone = true;
        return msg::done{};
      },
  };
}

struct listener_state {};

msg::wg_sink::behavior_type listener(msg::wg_sink::stateful_pointer<listener_state>,
                                     std::shared_ptr<std::vector<msg::wg_signal>> heard) {
  return {[heard](const msg::wg_signal& signal) { heard->push_back(signal); }};
}

struct bench {
  sim::virtual_time v;
  std::shared_ptr<script> how = std::make_shared<script>();
  std::shared_ptr<writer_memory> memory = std::make_shared<writer_memory>();
  std::shared_ptr<std::vector<msg::wg_signal>> heard =
      std::make_shared<std::vector<msg::wg_signal>>();
  msg::roles roles;
  msg::wireguard_writer_actor writer;

  bench() {
    roles.wg_device = v.own(v.system().spawn(scripted, how));
    memory->records.interface = {true, {}};
    start();
  }
  void start() {
    writer = v.own(spawn_wireguard_writer(v.system(), roles, {}, memory));
    v.run_for(1ms);
  }
  msg::wg_sink watch(std::uint32_t number) {
    auto sink = v.own(v.system().spawn(listener, heard));
    caf::anon_send(writer, msg::attach_wg{{wg_key(number), false}, sink});
    v.run_for(1ms);
    return sink;
  }
  template <class Answer, class Question>
  caf::expected<Answer> ask(const Question& question, std::chrono::seconds wait = 10s) {
    return v.ask<Answer>(writer, wait, question);
  }
};

msg::wg_peer peer(std::uint32_t number, std::optional<net::endpoint> where = {}) {
  return {wg_key(number), address_of(number), where, true};
}

errc code_of(const caf::error& failed) {
  return msg::from_caf(failed).code;
}

} // namespace

TEST_CASE("the writer ensures the device by itself and answers every kind of request") {
  bench b;
  CHECK(b.how->ensures == 1);
  CHECK(b.ask<msg::done>(msg::interface_wanted{true, address_of(9)}).engaged());
  CHECK(b.how->ensures == 2);
  const auto set = b.ask<msg::peer_applied>(msg::set_peer{peer(1, old_path)});
  REQUIRE(set.engaged());
  CHECK(set->key == wg_key(1));
  CHECK(b.how->device.peer(1).keepalive == 25s);
  const auto landed = b.ask<msg::assert_report>(msg::assert_endpoint{wg_key(1), new_path, 30ms});
  REQUIRE(landed.engaged());
  CHECK(landed->landed);
  CHECK(b.how->device.peer(1).where == new_path);
  CHECK(b.ask<msg::peer_applied>(msg::reset_peer{peer(1, old_path)}).engaged());
  CHECK(b.how->device.peer(1).where == old_path);
  CHECK(b.ask<msg::peer_applied>(msg::remove_peer{wg_key(1)}).engaged());
  CHECK_FALSE(b.how->device.has(1));
  CHECK(b.ask<msg::done>(msg::interface_wanted{}).engaged());
  CHECK(b.how->device.gone);
}

TEST_CASE("a refusal reaches the requester as the code it is") {
  bench b;
  b.how->device.poison = {1};
  const auto refused = b.ask<msg::peer_applied>(msg::set_peer{peer(1)});
  REQUIRE_FALSE(refused.engaged());
  CHECK(code_of(refused.error()) == errc::wg_refused);
  const auto unknown = b.ask<msg::assert_report>(msg::assert_endpoint{wg_key(2), new_path, 30ms});
  REQUIRE_FALSE(unknown.engaged());
  CHECK(code_of(unknown.error()) == errc::wg_refused);
}

TEST_CASE("a watcher hears at once, then within a second of a change, and nothing after it left") {
  bench b;
  REQUIRE(b.ask<msg::peer_applied>(msg::set_peer{peer(1, old_path)}).engaged());
  b.watch(1);
  REQUIRE(b.heard->size() == 1);
  CHECK(b.heard->front().where == old_path);
  b.how->device.peer(1).rx = 10;
  b.how->device.peer(1).where = new_path;
  b.v.run_for(1100ms);
  REQUIRE(b.heard->size() == 2);
  CHECK(b.heard->back().roamed);
  CHECK(b.heard->back().rx == 10);
  caf::anon_send(b.writer, msg::unwatch_peer{wg_key(1)});
  b.how->device.peer(1).rx = 20;
  b.v.run_for(3s);
  CHECK(b.heard->size() == 2);
  CHECK(b.memory->sinks.empty());
  CHECK(b.memory->records.watched.empty());
}

TEST_CASE("a watcher that dies is forgotten") {
  bench b;
  auto sink = b.watch(1);
  CHECK(b.memory->sinks.size() == 1);
  caf::anon_send_exit(sink, caf::exit_reason::kill);
  b.v.run_for(1ms);
  CHECK(b.memory->sinks.empty());
  CHECK(b.memory->records.watched.empty());
}

TEST_CASE("a device that dies between two looks is made anew and watchers hear of it") {
  bench b;
  REQUIRE(b.ask<msg::peer_applied>(msg::set_peer{peer(1, old_path)}).engaged());
  b.watch(1);
  b.how->device.gone = true;
  b.v.run_for(1100ms);
  CHECK(b.how->device.has(1));
  REQUIRE(b.heard->size() >= 2);
  CHECK((*b.heard)[1].session_lost);
}

TEST_CASE("a driver that takes a question and never answers is waited for, then asked anew") {
  bench b;
  b.how->ignore = true;
  b.v.run_for(2s); // the look on its way hangs
  b.how->ignore = false;
  const auto set = b.ask<msg::peer_applied>(msg::set_peer{peer(1)});
  CHECK(set.engaged());
  CHECK(b.how->ensures == 2);
}

TEST_CASE("a writer that dies answers what it still owes, and its successor goes on from memory") {
  bench b;
  REQUIRE(b.ask<msg::peer_applied>(msg::set_peer{peer(1, old_path)}).engaged());
  b.watch(1);
  b.how->device.deaf = true;
  caf::scoped_actor self{b.v.system()};
  auto open = self->request(b.writer, caf::infinite, msg::set_peer{peer(2)});
  b.v.run_for(10ms);
  caf::anon_send_exit(b.writer, caf::exit_reason::kill);
  b.v.run_for(1ms);
  REQUIRE(self->has_next_message());
  open.receive([](const msg::peer_applied&) { FAIL("it was not applied"); },
               [](const caf::error& failed) { CHECK(code_of(failed) == errc::closed); });

  b.how->device.deaf = false;
  b.how->device.remove(wg_key(1));
  b.heard->clear();
  b.start();
  b.v.run_for(100ms);
  CHECK(b.how->device.has(1));
  CHECK(b.how->device.has(2));
  CHECK_FALSE(b.heard->empty());
}

TEST_CASE("an idle writer with a thousand peers looks once a second and writes nothing") {
  bench b;
  for (std::uint32_t i = 1; i <= 1000; ++i)
    caf::anon_send(b.writer, msg::set_peer{peer(i, old_path)});
  b.v.run_for(2s);
  REQUIRE(b.how->device.now.peers.size() == 1000);
  CHECK(b.how->device.calls.size() <= 2);
  const auto calls = b.how->device.calls.size();
  b.v.run_for(60s);
  CHECK(b.how->device.calls.size() == calls);
}
