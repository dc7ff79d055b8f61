#include "actors/wg/writer_core.hpp"
#include "tests/actors/wg/wg_keys.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::test;
using namespace std::chrono_literals;
using net::errc;
using net::wg::change_kind;

namespace {

const auto old_path = at("192.0.2.1:1");
const auto new_path = at("192.0.2.2:2");

/// The core with a WireGuard in memory that answers after `delay`, on a clock of its own.
struct rig {
  writer_records records;
  fake_wireguard device;
  std::chrono::nanoseconds delay = 1ms;
  std::function<void()> on_apply = [] {};
  net::error ensure_failure{errc::internal, ""};
  bool ensure_fails = false;
  int ensures = 0;
  int looks = 0;

  msg::time_point now{};
  writer_core core{records, {}};
  std::map<request_id, writer_answer> answers;
  std::vector<msg::wg_signal> signals;
  request_id last = 0;

  explicit rig(writer_records known = {}, fake_wireguard there = {})
      : records(std::move(known)), device(std::move(there)) {
    call([this](auto& out) { core.start(now, out); });
    run(10ms);
  }

  template <class Order>
  request_id ask(const Order& order) {
    const auto id = ++last;
    call([&](auto& out) { core.request(id, order, now, out); });
    return id;
  }
  void watch(std::uint32_t number, bool eager = false) {
    call([&](auto& out) { core.watch({key_of(number), eager}, now, out); });
  }

  void call(const std::function<void(writer_effects&)>& event) {
    writer_effects out;
    event(out);
    for (auto& effect : out)
      take(effect);
  }

  void take(writer_effect& effect) {
    if (auto* question = std::get_if<device_question>(&effect)) {
      REQUIRE(!pending.has_value()); // one thing at a time
      pending = {now + delay, std::move(*question)};
    } else if (auto* answer = std::get_if<writer_answer>(&effect)) {
      REQUIRE(answers.emplace(answer->request, *answer).second); // never twice
    } else if (auto* signal = std::get_if<msg::wg_signal>(&effect)) {
      signals.push_back(*signal);
    }
  }

  net::result<msg::device_state> ensure() {
    ++ensures;
    if (ensure_fails) return ensure_failure;
    const bool created = device.gone;
    if (created) device.now = {};
    device.gone = false;
    return msg::device_state{device.now, created};
  }

  net::result<msg::device_state> look() {
    ++looks;
    if (device.gone) return net::fail(errc::wg_unavailable, "gone");
    return msg::device_state{device.now, false};
  }

  void answer(const device_question& question, writer_effects& out) {
    if (std::holds_alternative<msg::ensure_device>(question)) {
      core.device_ensured(ensure(), now, out);
    } else if (std::holds_alternative<msg::observe_device>(question)) {
      core.device_observed(look(), now, out);
    } else if (device.gone) {
      core.device_applied(net::fail(errc::wg_unavailable, "gone"), now, out);
    } else {
      const bool done = device.apply(std::get<msg::apply_changes>(question).changes);
      on_apply();
      core.device_applied(done ? net::result<msg::done>{msg::done{}}
                               : net::fail(errc::wg_refused, "poison"),
                          now, out);
    }
  }

  void run(std::chrono::nanoseconds duration) {
    const auto end = now + duration;
    for (int steps = 0; steps < 100'000; ++steps) {
      const auto due = core.deadline();
      const auto next = pending ? std::optional{pending->first} : due;
      if (!next || *next > end) {
        now = end;
        return;
      }
      now = std::max(now, *next);
      if (pending) {
        const auto question = std::exchange(pending, std::nullopt)->second;
        call([&](auto& out) { answer(question, out); });
      } else {
        call([&](auto& out) { core.tick(now, out); });
      }
    }
    FAIL("the core never rests");
  }

  std::optional<errc> error_of(request_id id) {
    const auto at = answers.find(id);
    if (at == answers.end()) return std::nullopt;
    const auto* failed = std::get_if<net::error>(&at->second.what);
    return failed ? std::optional{failed->code} : std::nullopt;
  }
  bool applied(request_id id) {
    const auto at = answers.find(id);
    return at != answers.end() && std::holds_alternative<msg::peer_applied>(at->second.what);
  }
  std::optional<bool> landed(request_id id) {
    const auto at = answers.find(id);
    if (at == answers.end()) return std::nullopt;
    const auto* report = std::get_if<msg::assert_report>(&at->second.what);
    return report ? std::optional{report->landed} : std::nullopt;
  }

  std::optional<std::pair<msg::time_point, device_question>> pending;
};

msg::wg_peer peer(std::uint32_t number, std::optional<net::endpoint> where = {},
                  bool keepalive = false) {
  return {key_of(number), address_of(number), where, keepalive};
}

} // namespace

TEST_CASE("a set peer is answered only after reading it back") {
  rig r;
  const auto id = r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(1ms); // applied, not yet looked at
  CHECK(r.device.has(1));
  CHECK(r.answers.empty());
  r.run(1ms);
  CHECK(r.applied(id));
  CHECK(r.device.peer(1).where == old_path);
  CHECK(r.device.peer(1).keepalive == 25s);
}

TEST_CASE("requests that arrive while the device works become one call") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  for (std::uint32_t i = 2; i <= 1000; ++i)
    r.ask(msg::set_peer{peer(i)});
  r.run(10ms);
  CHECK(r.device.calls.size() == 2);
  CHECK(r.answers.size() == 1000);
  CHECK(r.device.now.peers.size() == 1000);
}

TEST_CASE("a write that WireGuard swallowed is made again") {
  rig r;
  r.device.deaf = true;
  const auto id = r.ask(msg::set_peer{peer(1)});
  r.run(100ms);
  CHECK(r.answers.empty());
  r.device.deaf = false;
  r.run(200ms);
  CHECK(r.applied(id));
}

TEST_CASE("a peer that cannot be written is refused after its retries and retried slowly") {
  rig r;
  r.device.poison = {1};
  const auto id = r.ask(msg::set_peer{peer(1)});
  r.run(1700ms);
  CHECK(r.answers.empty());
  r.run(200ms);
  CHECK(r.error_of(id) == errc::wg_refused);
  CHECK(r.device.calls.size() == 4);
  r.device.poison = {};
  r.run(3s);
  CHECK(r.device.has(1));
}

TEST_CASE("one peer that is refused does not hold up the others") {
  rig r;
  r.device.poison = {500};
  std::map<std::uint32_t, request_id> ids;
  for (std::uint32_t i = 1; i <= 1000; ++i)
    ids[i] = r.ask(msg::set_peer{peer(i)});
  r.run(3s);
  for (const auto& [number, id] : ids) {
    INFO(number);
    if (number == 500)
      CHECK(r.error_of(id) == errc::wg_refused);
    else
      CHECK(r.applied(id));
  }
  CHECK(r.device.calls.size() < 60);
}

TEST_CASE("the same endpoint said again does not undo roaming, a new one is written once") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).where = new_path; // WireGuard roamed
  const auto same = r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(10ms);
  CHECK(r.applied(same));
  CHECK(r.device.peer(1).where == new_path);
  CHECK(r.device.peer(1).keepalive == 25s);

  const auto moved = r.ask(msg::set_peer{peer(1, at("192.0.2.3:3"), true)});
  r.run(10ms);
  CHECK(r.applied(moved));
  CHECK(r.device.peer(1).where == at("192.0.2.3:3"));
  r.device.peer(1).where = new_path;
  r.run(5s);
  CHECK(r.device.peer(1).where == new_path);
}

TEST_CASE("an endpoint that WireGuard left at once by a packet counts as written") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.on_apply = [&] {
    r.device.peer(1).where = old_path;
    r.device.peer(1).rx += 100;
  };
  const auto id = r.ask(msg::set_peer{peer(1, new_path)});
  r.run(10ms);
  CHECK(r.applied(id));
}

TEST_CASE("a silent responder gets its keepalive once WireGuard learned where it is") {
  rig r;
  const auto id = r.ask(msg::set_peer{peer(1, {}, true)});
  r.run(10ms);
  CHECK(r.applied(id));
  CHECK(r.device.peer(1).keepalive == 0s);
  r.device.peer(1).where = new_path;
  r.run(1100ms);
  CHECK(r.device.peer(1).keepalive == 25s);
}

TEST_CASE("removing is answered when the peer is gone, also when it never was there") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  r.run(10ms);
  const auto id = r.ask(msg::remove_peer{key_of(1)});
  const auto other = r.ask(msg::remove_peer{key_of(2)});
  r.run(10ms);
  CHECK(r.applied(id));
  CHECK(r.applied(other));
  CHECK_FALSE(r.device.has(1));
  CHECK(r.records.peers.empty());
  const auto calls = r.device.calls.size();
  r.run(5s);
  CHECK(r.device.calls.size() == calls); // no write after the acknowledgement
}

TEST_CASE("a peer wanted again before its removal was seen loses its old session") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  const auto removed = r.ask(msg::remove_peer{key_of(1)});
  const auto again = r.ask(msg::set_peer{peer(1, old_path)});
  r.run(20ms);
  CHECK(r.applied(removed));
  CHECK(r.applied(again));
  CHECK_FALSE(r.device.peer(1).latest_handshake);
}

TEST_CASE("a removal answers a set that it overtakes with closed") {
  rig r;
  const auto set = r.ask(msg::set_peer{peer(1)});
  const auto removed = r.ask(msg::remove_peer{key_of(1)});
  r.run(20ms);
  CHECK(r.error_of(set) == errc::closed);
  CHECK(r.applied(removed));
  CHECK_FALSE(r.device.has(1));
}

TEST_CASE("a reset removes and adds in one call, and tells no watcher of a lost session") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  r.device.peer(1).rx = 5;
  r.watch(1);
  r.run(1100ms);
  const auto id = r.ask(msg::reset_peer{peer(1, new_path, true)});
  r.run(10ms);
  CHECK(r.applied(id));
  const auto& call = r.device.calls.back();
  REQUIRE(call.size() == 2);
  CHECK(call[0].kind == change_kind::remove);
  CHECK(call[1].kind == change_kind::put);
  CHECK(r.device.peer(1).where == new_path);
  for (const auto& signal : r.signals)
    CHECK_FALSE(signal.session_lost);
}

TEST_CASE("a reset that left the old session alive is made again") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.device.peer(1).latest_handshake = 1000s;
  r.device.deaf = true;
  const auto id = r.ask(msg::reset_peer{peer(1, old_path)});
  r.run(100ms);
  CHECK(r.answers.count(id) == 0);
  r.device.deaf = false;
  r.run(300ms);
  CHECK(r.applied(id));
  CHECK_FALSE(r.device.peer(1).latest_handshake);
}

TEST_CASE("a second peer with an address that is taken is refused") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  auto thief = peer(2);
  thief.address = address_of(1);
  const auto id = r.ask(msg::set_peer{thief});
  auto nobody = peer(3);
  nobody.address = {};
  const auto unleased = r.ask(msg::set_peer{nobody});
  r.run(10ms);
  CHECK(r.error_of(id) == errc::address_clash);
  CHECK(r.error_of(unleased) == errc::wg_refused);
  CHECK(r.device.now.peers.size() == 1);
}

TEST_CASE("foreign peers stay, whatever happens to ours") {
  rig r;
  r.device.now.peers.push_back({key_of(77), at("192.0.2.7:7"), {"0.0.0.0/0"}, {}, 0, 0, 17s});
  r.ask(msg::set_peer{peer(1)});
  r.run(2s);
  r.ask(msg::remove_peer{key_of(1)});
  r.run(2s);
  REQUIRE(r.device.now.peers.size() == 1);
  CHECK(r.device.peer(77).keepalive == 17s);
  for (const auto& call : r.device.calls)
    for (const auto& step : call)
      CHECK(step.key != key_of(77));
}

TEST_CASE("what another hand changed in our peer is put right at the next look") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(10ms);
  r.device.peer(1).allowed_ips = {"10.66.9.9/32"};
  r.run(1100ms);
  CHECK(r.device.peer(1).allowed_ips ==
        std::vector<std::string>{net::wg::allowed_ip(address_of(1))});
  r.device.remove(key_of(1));
  r.run(1100ms);
  CHECK(r.device.has(1));
}

TEST_CASE("a device that died is made anew with every peer, and watchers hear of lost sessions") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.ask(msg::set_peer{peer(2, {}, true)});
  r.run(10ms);
  r.device.peer(2).where = new_path;
  r.watch(1);
  r.run(1100ms);
  r.signals.clear();
  r.device.gone = true;
  r.run(1100ms);
  CHECK(r.device.has(1));
  CHECK(r.device.peer(1).where == old_path);
  CHECK(r.device.peer(1).keepalive == 25s);
  REQUIRE(r.device.has(2));
  CHECK(r.device.peer(2).keepalive == 0s); // silent again until the initiator speaks
  REQUIRE_FALSE(r.signals.empty());
  CHECK(r.signals[0].session_lost);
  for (std::size_t i = 1; i < r.signals.size(); ++i)
    CHECK_FALSE(r.signals[i].session_lost);
}

TEST_CASE("the first making of the device is no loss") {
  rig r;
  CHECK(r.ensures == 1);
  r.watch(1);
  REQUIRE(r.signals.size() == 1);
  CHECK_FALSE(r.signals[0].session_lost);
}

TEST_CASE("without a device requests fail after the retries, at once when there is no hope") {
  rig r;
  r.device.gone = true;
  r.ensure_fails = true;
  r.ensure_failure = net::fail(errc::wg_unavailable, "none");
  const auto id = r.ask(msg::set_peer{peer(1)});
  r.run(1700ms);
  CHECK(r.answers.empty());
  r.run(200ms);
  CHECK(r.error_of(id) == errc::wg_unavailable);

  r.ensure_failure = net::fail(errc::not_permitted, "denied");
  const auto denied = r.ask(msg::set_peer{peer(2)});
  r.run(3s);
  CHECK(r.error_of(denied) == errc::not_permitted);

  r.ensure_fails = false;
  r.run(30s);
  CHECK(r.device.has(1)); // still desired
  CHECK(r.device.has(2));
}

TEST_CASE("a new address reaches the device and is answered then") {
  rig r;
  const auto id = r.ask(msg::use_address{address_of(9)});
  CHECK(r.answers.empty());
  r.run(10ms);
  CHECK(r.answers.count(id) == 1);
  CHECK(r.ensures == 2);
  const auto again = r.ask(msg::use_address{address_of(9)});
  CHECK(r.answers.count(again) == 1);
}

TEST_CASE("an assertion against a path that pulls back for a while lands in the end") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  int pulls = 10;
  r.on_apply = [&] {
    if (pulls-- > 0) r.device.peer(1).where = old_path;
  };
  const auto id = r.ask(msg::assert_endpoint{key_of(1), new_path, 30ms});
  r.run(100ms);
  CHECK_FALSE(r.landed(id));
  r.run(100ms);
  CHECK(r.landed(id) == true);
  CHECK(r.device.peer(1).where == new_path);
  // What landed is what a new device would be given.
  CHECK(r.records.peers.at(key_of(1))->where == new_path);
}

TEST_CASE("an assertion that never holds is given up at its deadline and the old path restored") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.watch(1);
  r.signals.clear();
  bool pulling = true;
  const auto third = at("192.0.2.3:3");
  r.on_apply = [&] {
    if (pulling) r.device.peer(1).where = third;
  };
  const auto id = r.ask(msg::assert_endpoint{key_of(1), new_path, 30ms});
  r.run(2900ms);
  CHECK_FALSE(r.landed(id));
  pulling = false;
  r.on_apply = [] {};
  r.device.peer(1).where = third;
  r.on_apply = [&] {
    if (r.device.calls.back().front().where == new_path) r.device.peer(1).where = third;
  };
  r.run(200ms);
  CHECK(r.landed(id) == false);
  CHECK(r.device.peer(1).where == old_path);
  CHECK(r.records.peers.at(key_of(1))->where == old_path);
  for (const auto& signal : r.signals)
    CHECK_FALSE(signal.roamed); // our own fight
}

TEST_CASE("an assertion writes at most once per interval") {
  rig r;
  r.delay = 0ns; // a device that answers at once must not make a busy loop
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.on_apply = [&] { r.device.peer(1).where = old_path; };
  const auto before = r.device.calls.size();
  r.ask(msg::assert_endpoint{key_of(1), new_path, 30ms});
  r.run(100ms);
  CHECK(r.device.calls.size() - before <= 21);
  CHECK(r.device.calls.size() - before >= 15);
}

TEST_CASE("a newer assertion or set takes over from a running one") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  const auto first = r.ask(msg::assert_endpoint{key_of(1), new_path, 30ms});
  r.run(10ms);
  const auto second = r.ask(msg::assert_endpoint{key_of(1), at("192.0.2.3:3"), 30ms});
  CHECK(r.landed(first) == false);
  r.run(10ms);
  const auto set = r.ask(msg::set_peer{peer(1, at("192.0.2.4:4"))});
  CHECK(r.landed(second) == false);
  r.run(10ms);
  CHECK(r.applied(set));
  CHECK(r.device.peer(1).where == at("192.0.2.4:4"));
  r.run(5s);
  CHECK(r.device.peer(1).where == at("192.0.2.4:4"));
}

TEST_CASE("switching the keepalive on does not disturb an assertion of that peer") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  const auto id = r.ask(msg::assert_endpoint{key_of(1), new_path, 30ms});
  r.run(10ms);
  const auto set = r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(100ms);
  CHECK(r.applied(set));
  CHECK(r.landed(id) == true);
  CHECK(r.device.peer(1).where == new_path);
  CHECK(r.device.peer(1).keepalive == 25s);
}

TEST_CASE("an assertion for a peer that was never set is refused") {
  rig r;
  CHECK(r.error_of(r.ask(msg::assert_endpoint{key_of(1), new_path, 30ms})) == errc::wg_refused);
}

TEST_CASE("watchers hear at once, then when something moved, and who moved the endpoint") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path)});
  r.run(10ms);
  r.watch(1);
  REQUIRE(r.signals.size() == 1);
  CHECK(r.signals[0].where == old_path);
  r.run(5s);
  CHECK(r.signals.size() == 1); // nothing moved
  r.device.peer(1).rx = 100;
  r.device.peer(1).latest_handshake = 7s;
  r.run(1100ms);
  REQUIRE(r.signals.size() == 2);
  CHECK(r.signals[1].rx == 100);
  CHECK(r.signals[1].latest_handshake == std::chrono::nanoseconds{7s});
  CHECK_FALSE(r.signals[1].roamed);
  r.ask(msg::set_peer{peer(1, new_path)});
  r.run(10ms);
  REQUIRE(r.signals.size() == 3);
  CHECK(r.signals[2].where == new_path);
  CHECK_FALSE(r.signals[2].roamed);
  r.device.peer(1).where = old_path;
  r.run(1100ms);
  REQUIRE(r.signals.size() == 4);
  CHECK(r.signals[3].roamed);
  CHECK(r.signals[3].where == old_path);
  r.device.peer(1).rx = 5; // another hand made the peer anew
  r.run(1100ms);
  REQUIRE(r.signals.size() == 5);
  CHECK(r.signals[4].session_lost);
}

TEST_CASE("looks are fast only while somebody waits for a handshake") {
  rig r;
  r.watch(1);
  r.run(100ms);
  r.looks = 0;
  r.run(10s);
  CHECK(r.looks <= 10);
  r.watch(1, true);
  r.looks = 0;
  r.run(1s);
  CHECK(r.looks >= 40);
  CHECK(r.looks <= 51);
  r.delay = 50ms; // a thousand peers on a slow machine
  r.run(1s);
  r.looks = 0;
  r.run(10s);
  CHECK(r.looks <= 51);
  r.delay = 1ms;
  r.watch(1, false);
  r.run(1s);
  r.looks = 0;
  r.run(10s);
  CHECK(r.looks <= 11);
}

TEST_CASE("a restarted core continues from the records without touching roamed endpoints") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.ask(msg::set_peer{peer(2)});
  r.watch(1);
  r.run(10ms);
  r.device.peer(1).where = new_path;
  r.ask(msg::remove_peer{key_of(2)}); // not yet made when it crashes
  const auto calls = r.device.calls.size();
  rig next{r.records, r.device};
  CHECK(next.device.peer(1).where == new_path);
  CHECK_FALSE(next.device.has(2));
  CHECK(next.device.calls.size() == calls + 1);
  REQUIRE(next.signals.size() >= 1);
  CHECK(next.signals[0].key == key_of(1));
}
