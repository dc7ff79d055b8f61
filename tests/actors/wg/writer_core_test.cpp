#include "actors/wg/writer_core.hpp"
#include "net/wg/commands.hpp"
#include "tests/actors/wg/writer_rig.hpp"

using namespace lanrage;
using namespace lanrage::test;
using net::wg::change_kind;

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

TEST_CASE("who is left from another daemon makes way for the member that has his address now") {
  fake_wireguard found;
  for (const std::uint32_t i : {1, 2})
    found.now.peers.push_back(
        {wg_key(76 + i), at("192.0.2.7:7"), {net::wg::allowed_ip(peer(i).address)}, {}, 0, 0, 25s});
  rig r{{}, found};
  const auto id = r.ask(msg::set_peer{peer(1)});
  r.run(2s);
  CHECK(r.applied(id));
  REQUIRE(r.device.calls.size() == 1);
  REQUIRE(r.device.calls[0].size() == 2);
  CHECK(r.device.calls[0][0].kind == change_kind::remove);
  CHECK(r.device.calls[0][0].key == wg_key(77));
  CHECK(r.device.has(1));
  CHECK(r.device.has(78)); // nobody asked for his
}

TEST_CASE("foreign peers stay, whatever happens to ours") {
  rig r;
  r.device.now.peers.push_back({wg_key(77), at("192.0.2.7:7"), {"0.0.0.0/0"}, {}, 0, 0, 17s});
  r.ask(msg::set_peer{peer(1)});
  r.run(2s);
  r.ask(msg::remove_peer{wg_key(1)});
  r.run(2s);
  REQUIRE(r.device.now.peers.size() == 1);
  CHECK(r.device.peer(77).keepalive == 17s);
  for (const auto& call : r.device.calls)
    for (const auto& step : call)
      CHECK(step.key != wg_key(77));
}

TEST_CASE("what another hand changed in our peer is put right at the next look") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.run(10ms);
  r.device.peer(1).allowed_ips = {"10.66.9.9/32"};
  r.run(1100ms);
  CHECK(r.device.peer(1).allowed_ips ==
        std::vector<std::string>{net::wg::allowed_ip(address_of(1))});
  r.device.remove(wg_key(1));
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

TEST_CASE("nothing is touched before it is told which interface shall be there") {
  writer_records records;
  writer_core core{records, {}};
  writer_effects out;
  core.start({}, out);
  core.request(1, msg::set_peer{peer(1)}, {}, out);
  CHECK(out.empty());
  CHECK_FALSE(core.deadline());
  core.request(2, msg::interface_wanted{true, {}}, {}, out);
  REQUIRE(out.size() == 1);
  CHECK(std::holds_alternative<device_question>(out.front()));
}

TEST_CASE("a core that is restarted in no party takes away what the last one did not") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  r.run(20ms);
  r.remove_fails = true;
  r.ask(msg::interface_wanted{});
  r.run(20ms);
  rig next{r.records, r.device};
  CHECK(next.removals == 1);
  CHECK(next.removed == std::set{wg_key(1)});
  CHECK(next.device.gone);
  CHECK(next.records.peers.empty());
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

TEST_CASE("an interface that cannot be made for long is back within five seconds of when it can") {
  rig r;
  r.ask(msg::set_peer{peer(1)});
  r.run(10ms);
  r.device.gone = true;
  r.ensure_fails = true;
  r.run(10min);
  CHECK(r.ensures < 135);
  r.ensure_fails = false;
  r.run(5'100ms);
  CHECK(r.device.has(1));
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
  r.ask(msg::remove_peer{wg_key(2)}); // not yet made when it crashes
  const auto calls = r.device.calls.size();
  rig next{r.records, r.device};
  CHECK(next.device.peer(1).where == new_path);
  CHECK_FALSE(next.device.has(2));
  CHECK(next.device.calls.size() == calls + 1);
  REQUIRE(next.signals.size() >= 1);
  CHECK(next.signals[0].key == wg_key(1));
}

TEST_CASE("counters are read ten times a second while somebody carries traffic, else once") {
  rig r;
  r.ask(msg::set_peer{peer(1, old_path, true)});
  r.watch(1);
  r.run(5s);
  const auto looks_in = [&](std::chrono::seconds span) {
    const auto before = r.looks;
    r.run(span);
    return r.looks - before;
  };
  CHECK(looks_in(10s) <= 11);
  SECTION("a health check, alone, is no traffic") {
    r.device.now.peers[0].tx += 100;
    r.device.now.peers[0].rx += 100;
    CHECK(looks_in(10s) <= 11);
  }
  SECTION("keepalives are none") {
    for (int i = 0; i < 10; ++i) {
      r.device.now.peers[0].tx += 32;
      CHECK(looks_in(1s) <= 2);
    }
  }
  SECTION("one packet a second is") {
    for (int i = 0; i < 3; ++i) {
      r.device.now.peers[0].tx += 100;
      r.run(1s);
    }
    r.device.now.peers[0].tx += 100;
    CHECK(looks_in(1s) >= 9);
    CHECK(looks_in(10s) <= 30); // and it ends with it
  }
}

TEST_CASE("a handshake of a peer that nobody watches is told as such, each one once") {
  rig r;
  for (const auto number : {1u, 2u})
    r.ask(msg::set_peer{peer(number)});
  r.run(100ms);
  r.watch(1);
  r.watch(2);
  r.device.peer(1).latest_handshake = 1000s;
  r.run(3s);
  CHECK(r.shaken.empty()); // its watcher was told
  r.core.unwatch({wg_key(1)});
  r.run(3s);
  CHECK(r.shaken.empty()); // and that is no news
  r.device.peer(1).latest_handshake = 1100s;
  r.device.peer(2).latest_handshake = 1100s;
  r.run(3s);
  CHECK(r.shaken == std::vector{wg_key(1)});
  r.device.peer(1).latest_handshake = 1200s;
  r.run(3s);
  CHECK(r.shaken == std::vector{wg_key(1), wg_key(1)});
  // Taken away and made anew, it is a stranger again.
  r.ask(msg::remove_peer{wg_key(1)});
  r.run(3s);
  r.ask(msg::set_peer{peer(1)});
  r.run(3s);
  r.device.peer(1).latest_handshake = 1200s;
  r.run(3s);
  CHECK(r.shaken.size() == 3);
}
