// Every rule about WireGuard's writer, in a story that breaks it.
#include "net/wg/commands.hpp"
#include "sim/invariants/writes.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::sim;
using namespace lanrage::sim::invariants;
using namespace std::chrono_literals;
using net::wg::change_kind;

namespace {

net::wg_public_key key(std::uint8_t first) {
  net::bytes raw(32);
  raw[0] = first;
  return *net::wg_public_key::from(raw);
}
net::virtual_ip address(const char* text) {
  return net::virtual_ip::parse(text).value();
}
const auto where = net::endpoint::parse("198.18.0.1:51820").value();

struct story {
  findings found;
  write_rules rules{
      found, [](std::uint32_t member, const auto&) { return "member " + std::to_string(member); }};
  net::wg::observation device;
  std::uint64_t last = 0;

  /// By actor 7 of member 0, which is `own`.
  write_rules::request ask(std::uint8_t peer, std::optional<msg::wg_peer> wanted,
                           duration now = 10s, std::uint8_t own = 1, std::uint64_t by = 7) {
    const write_rules::request what{by, ++last};
    rules.asked(0, what, key(own), key(peer), wanted, now);
    return what;
  }
  void has(std::uint8_t peer, const char* ip, std::chrono::seconds keepalive = {}) {
    net::wg::peer_state state;
    state.key = key(peer);
    state.allowed_ips = {net::wg::allowed_ip(address(ip))};
    state.keepalive = keepalive;
    device.peers.push_back(state);
  }
  msg::wg_peer peer(std::uint8_t number, const char* ip) const {
    return {key(number), address(ip), std::nullopt, false};
  }
  net::wg::change put(std::uint8_t number, const char* ip) const {
    return {change_kind::put, key(number), address(ip), std::nullopt, {}};
  }
  /// Asked by the writer (actor 3) and carried out.
  void write(const std::vector<net::wg::change>& changes, duration now = 10s) {
    const write_rules::request call{3, ++last};
    rules.called(0, call, now);
    rules.batch(0, call, changes);
    rules.applying(0, changes, device, now);
    rules.returned(call, true);
  }
  bool only(std::string_view id) const {
    for (const auto& each : found.all())
      if (each.id != id) return false;
    return found.has(id);
  }
};

} // namespace

TEST_CASE("a writer that does what it is asked breaks no rule") {
  story s;
  const auto asked = s.ask(2, s.peer(2, "10.66.0.2"));
  s.write({s.put(2, "10.66.0.2")});
  s.has(2, "10.66.0.2");
  s.rules.answered(asked, true, s.device, 10s);
  s.rules.look(0, s.device, 11s);
  const auto removal = s.ask(2, std::nullopt);
  s.write({{change_kind::remove, key(2), {}, {}, {}}});
  s.device.peers.clear();
  s.rules.answered(removal, true, s.device, 12s);
  s.ask(2, s.peer(2, "10.66.0.2"), 13s, 1, 8); // another actor: wanted again
  s.write({s.put(2, "10.66.0.2")});
  CHECK(s.found.all().empty());
}

TEST_CASE("S3: an address taken from another peer is found, one that moves on is not") {
  story s;
  s.has(2, "10.66.0.2");
  const net::wg::change removal{change_kind::remove, key(2), {}, {}, {}};
  s.write({removal, s.put(3, "10.66.0.2")});
  CHECK(s.found.all().empty());
  s.write({s.put(3, "10.66.0.2")});
  CHECK(s.only("S3"));
}

TEST_CASE("S4: what is acknowledged and not there is found") {
  for (const auto* wrong : {"nothing", "another address"}) {
    story s;
    const auto asked = s.ask(2, s.peer(2, "10.66.0.2"));
    if (wrong[0] == 'a') s.has(2, "10.66.0.3");
    s.rules.answered(asked, true, s.device, 10s);
    CHECK(s.only("S4"));
  }
  story gone;
  gone.has(2, "10.66.0.2");
  gone.rules.answered(gone.ask(2, std::nullopt), true, gone.device, 10s);
  CHECK(gone.only("S4"));
  story refused;
  refused.rules.answered(refused.ask(2, refused.peer(2, "10.66.0.2")), false, refused.device, 10s);
  CHECK(refused.found.all().empty());
}

TEST_CASE("S5: a second call before the first has returned is found") {
  story s;
  s.rules.called(0, {3, 1}, 10s);
  s.rules.called(0, {4, 1}, 10s); // another writer, after a crash
  CHECK(s.found.all().empty());
  s.rules.called(0, {3, 2}, 10s);
  CHECK(s.only("S5"));
}

TEST_CASE("S5: writes in another order, or that nobody asked for, are found") {
  story s;
  s.rules.batch(0, {3, 1}, {s.put(2, "10.66.0.2")});
  s.rules.batch(0, {4, 1}, {s.put(2, "10.66.0.3")});
  s.rules.applying(0, {s.put(2, "10.66.0.3")}, s.device, 10s);
  CHECK(s.found.all().empty()); // the first one died
  s.rules.applying(0, {s.put(2, "10.66.0.2")}, s.device, 10s);
  CHECK(s.only("S5"));
}

TEST_CASE("S6: writing a peer whose removal was acknowledged is found") {
  SECTION("asked for by the same actor") {
    story s;
    s.rules.answered(s.ask(2, std::nullopt), true, s.device, 10s);
    s.ask(2, s.peer(2, "10.66.0.2"));
    CHECK(s.only("S6"));
  }
  SECTION("written by the writer itself") {
    story s;
    s.rules.answered(s.ask(2, std::nullopt), true, s.device, 10s);
    s.write({s.put(2, "10.66.0.2")});
    CHECK(s.only("S6"));
  }
  SECTION("disconnected by a user") {
    story s;
    s.rules.disconnected(0, key(2));
    s.rules.daemon_started(0, 20s); // it is remembered
    s.write({s.put(2, "10.66.0.2")});
    CHECK(s.only("S6"));
  }
  SECTION("disconnected and connected again") {
    story s;
    s.rules.disconnected(0, key(2));
    s.rules.wanted_again(0, key(2));
    s.write({s.put(2, "10.66.0.2")});
    CHECK(s.found.all().empty());
  }
}

TEST_CASE("S16: what is there is written once, and what is not there is not removed") {
  story s;
  s.has(2, "10.66.0.2");
  s.write({s.put(2, "10.66.0.2")});
  CHECK(s.only("S16"));
  story other;
  other.write({{change_kind::remove, key(2), {}, {}, {}}});
  CHECK(other.only("S16"));
  story fresh; // the plan was for the interface before
  fresh.rules.device_changed(0, 10s);
  fresh.write({{change_kind::remove, key(2), {}, {}, {}}}, 10s);
  CHECK(fresh.found.all().empty());
  story misled; // a fault may have hidden it
  misled.has(2, "10.66.0.2");
  misled.rules.device_touched(0, 10s);
  misled.write({misled.put(2, "10.66.0.2")}, 10s);
  CHECK(misled.found.all().empty());
  misled.write({misled.put(2, "10.66.0.2")}, 10s + write_rules::longest_difference());
  CHECK(misled.only("S16"));
}

TEST_CASE("S21: a responder that starts a handshake is found") {
  story s;
  auto peer = s.peer(2, "10.66.0.2");
  peer.where = where;
  s.ask(2, peer, 10s, 1); // the smaller key
  CHECK(s.found.all().empty());
  s.ask(2, peer, 10s, 3);
  CHECK(s.only("S21"));
}

TEST_CASE("L4: a difference is made good in time, or found") {
  story s;
  const auto asked = s.ask(2, s.peer(2, "10.66.0.2"));
  s.has(2, "10.66.0.2");
  s.rules.answered(asked, true, s.device, 10s);
  s.device.peers.clear();
  s.rules.look(0, s.device, 20s);
  s.rules.look(0, s.device, 20s + write_rules::longest_difference());
  CHECK(s.found.all().empty());
  s.rules.look(0, s.device, 21s + write_rules::longest_difference());
  CHECK(s.only("L4"));
}

TEST_CASE("L4: after calls that failed it has as long again as they did, and 30 s at most") {
  const auto lasts = [](std::vector<duration> failures, duration more) {
    story s;
    const auto asked = s.ask(2, s.peer(2, "10.66.0.2"));
    s.has(2, "10.66.0.2");
    s.rules.answered(asked, true, s.device, 10s);
    s.device.peers.clear();
    s.rules.look(0, s.device, 20s);
    for (const auto at : failures)
      s.rules.device_failed(0, at);
    const auto most = failures.back() + more + write_rules::longest_difference();
    s.rules.look(0, s.device, most);
    CHECK(s.found.all().empty());
    s.rules.look(0, s.device, most + 1ms);
    CHECK(s.only("L4"));
  };
  lasts({20s}, 250ms);
  lasts({20s, 20'250ms, 20'750ms, 21'750ms}, 2s);
  lasts({20s, 30s, 40s, 60s}, 30s);
  lasts({20s, 90s}, 250ms); // long over: another trouble
}

TEST_CASE("a write whose answer was lost counts as reconciled once it is acknowledged") {
  story s;
  const auto asked = s.ask(2, s.peer(2, "10.66.0.2"));
  const std::vector changes{s.put(2, "10.66.0.2")};
  s.rules.called(0, {3, 99}, 10s);
  s.rules.batch(0, {3, 99}, changes);
  s.rules.applying(0, changes, s.device, 10s);
  s.rules.returned({3, 99}, false);
  CHECK(s.rules.reconciled() == 0);
  s.has(2, "10.66.0.2");
  s.rules.answered(asked, true, s.device, 11s);
  CHECK(s.rules.reconciled() == 1);
  CHECK(s.found.all().empty());
}
