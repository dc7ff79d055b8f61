#include "tests/support/driven_core.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::test;
using lanrage::msg::phase;
using role = driven_core::role;

namespace {

msg::peer_known presence(const driven_core& d, bool online, bool known = true) {
  return {{d.other(), online, {}, known}};
}
/// Known to be offline from the first moment, WireGuard's answer included.
driven_core waiting(role who) {
  driven_core d{who};
  d.give(actors::started{});
  const auto asked = d.ticket_of<msg::set_peer>();
  d.give(presence(d, false));
  d.give(actors::write_done{asked, std::nullopt});
  return d;
}
bool silent(const msg::wg_peer& peer) {
  return !peer.where && !peer.keepalive;
}

} // namespace

TEST_CASE("a member that is offline is known to WireGuard, silently, and left alone") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.give(actors::started{});
  REQUIRE(d.said<msg::set_peer>());
  CHECK(silent(d.said<msg::set_peer>()->peer));
  const auto asked = d.ticket_of<msg::set_peer>();
  d.give(presence(d, false));
  CHECK(d.phase() == phase::failed);
  CHECK(d.view().error == net::errc::peer_offline);
  CHECK(d.view().reason.find("is offline") != std::string::npos);
  CHECK_FALSE(d.said<msg::set_peer>()); // the first one is on its way
  d.give(actors::write_done{asked, std::nullopt});
  REQUIRE(d.said<msg::expect_peer>());
  CHECK(d.said<msg::expect_peer>()->ready);
  const auto view = d.view();
  auto newer = presence(d, false);
  newer.peer.record.version = 2;
  newer.peer.record.candidates = {candidate_at(at("203.0.113.5:5"))};
  for (const actors::event& news : std::vector<actors::event>{
           msg::own_paths{{}, {candidate_at(alice_at)}}, msg::own_legs{both_legs()},
           msg::network_changed{}, msg::control_state{true, std::nullopt, 5ms}, newer}) {
    d.now += 1h;
    d.give(news);
    CHECK_FALSE(d.said<msg::send_signal>());
    CHECK_FALSE(d.said<msg::find_peer>());
    CHECK_FALSE(d.said<msg::rank_relays>());
    CHECK(d.view() == view);
    CHECK_FALSE(d.core.wake_at());
  }
}

TEST_CASE("an offline member is connected to at once when it comes") {
  auto d = waiting(GENERATE(role::initiator, role::responder));
  d.now += 10h;
  d.give(presence(d, true));
  REQUIRE(d.said<msg::find_peer>());
  d.give(actors::record_found{d.ticket_of<msg::find_peer>(), presence(d, true).peer});
  CHECK(d.phase() == phase::negotiating);
  CHECK(d.said_signal(net::signal_kind::offer));
  CHECK_FALSE(d.said<msg::set_peer>()); // it is known already
}

TEST_CASE("an offline member that speaks is there") {
  auto d = waiting(GENERATE(role::initiator, role::responder));
  d.now += 1h;
  d.give(d.offer());
  CHECK(d.phase() == phase::discovering);
  d.give(actors::record_found{d.ticket_of<msg::find_peer>(), presence(d, true).peer});
  CHECK(d.said_signal(net::signal_kind::offer));
}

TEST_CASE("a handshake of an offline member counts") {
  auto d = waiting(role::responder);
  d.give(msg::own_legs{both_legs()});
  d.give(d.handshake());
  CHECK(d.phase() == phase::verifying);
  const auto probe = d.ticket_of<msg::probe_tunnel>();
  d.give(d.offer()); // names the relays; the session is there without it
  d.give(actors::relays_ranked{d.ticket_of<msg::rank_relays>(), {relay1(), relay2()}});
  d.answer(probe, 60ms);
  CHECK(d.phase() == phase::connected);
  CHECK(d.view().relay == "relay1");
}

TEST_CASE("asked to connect, an offline member has five seconds to come") {
  auto d = waiting(GENERATE(role::initiator, role::responder));
  d.now += 1h;
  const auto asked = d.now;
  d.give(actors::user_connect{});
  CHECK(d.phase() == phase::discovering);
  const auto found = d.ticket_of<msg::find_peer>();
  d.give(actors::record_found{found, presence(d, false).peer});
  CHECK(d.phase() == phase::discovering);
  SECTION("it does not") {
    d.wake();
    CHECK(d.now - asked == 5s);
    CHECK(d.phase() == phase::failed);
    CHECK(d.view().error == net::errc::peer_offline);
    CHECK_FALSE(d.said<msg::send_signal>());
    CHECK_FALSE(d.core.wake_at());
  }
  SECTION("it does") {
    d.now += 4s;
    d.give(presence(d, true));
    CHECK(d.phase() == phase::negotiating);
    CHECK(d.said_signal(net::signal_kind::offer));
  }
}

TEST_CASE(
    "asked to connect while it negotiates, a peer that goes offline has the rest of the time") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.negotiate();
  d.give(actors::user_connect{});
  const auto asked = d.now;
  d.now += 2s;
  d.give(presence(d, false));
  CHECK(d.phase() == phase::discovering);
  d.wake();
  CHECK(d.now - asked == 5s);
  CHECK(d.view().error == net::errc::peer_offline);
}

TEST_CASE("while the control server says nothing, remembered records are tried") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.negotiate();
  d.give(presence(d, false, false));
  CHECK(d.phase() == phase::negotiating);
  while (d.phase() == phase::negotiating)
    d.wake();
  CHECK(d.now == 10s);
  CHECK(d.view().error == net::errc::connection_failed);
}

TEST_CASE("a lost control server makes an offline member worth a slow try") {
  auto d = waiting(GENERATE(role::initiator, role::responder));
  const auto lost = d.now;
  d.give(msg::control_state{});
  const auto view = d.view();
  SECTION("it stays away") {
    d.wake();
    CHECK(d.now - lost == 10s);
    CHECK(d.phase() == phase::discovering);
  }
  SECTION("it is back, and says the same") {
    d.now += 1s;
    d.give(msg::control_state{true, std::nullopt, 5ms});
    d.give(presence(d, false));
    CHECK_FALSE(d.core.wake_at());
    CHECK(d.view() == view);
  }
}

TEST_CASE("a session outlives the presence of the peer, remembered or not") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.connect();
  d.give(presence(d, false));
  CHECK(d.phase() == phase::connected);
  const auto saved = d.core.saved();
  actors::peer_connection again{d.initiator ? alice_key : bob_key, saved, {}};
  again.handle(actors::started{}, d.clock());
  again.handle(presence(d, false), d.clock());
  CHECK(again.phase() == phase::verifying);
  SECTION("WireGuard has it") {
    for (const auto& e : again.handle(d.handshake(), d.clock()))
      if (std::holds_alternative<msg::probe_tunnel>(e.what))
        again.handle(actors::tunnel_report{e.asked, actors::probe_outcome::answered, 40ms},
                     d.clock());
    CHECK(again.phase() == phase::connected);
  }
  SECTION("WireGuard does not: silent from now on, and no timer runs") {
    std::optional<msg::wg_peer> written;
    for (const auto& e : again.handle(msg::wg_signal{}, d.clock())) {
      if (const auto* reset = std::get_if<msg::reset_peer>(&e.what)) written = reset->peer;
      CHECK_FALSE(std::holds_alternative<msg::send_signal>(e.what));
    }
    CHECK(again.view().error == net::errc::peer_offline);
    REQUIRE(written);
    CHECK(silent(*written));
    CHECK_FALSE(again.wake_at());
  }
}

TEST_CASE("three repairs in vain of a member that is offline end in waiting, not in retries") {
  driven_core d{GENERATE(role::initiator, role::responder)};
  d.reconnect();
  d.give(presence(d, false));
  CHECK(d.phase() == phase::reconnecting);
  while (d.phase() == phase::reconnecting)
    d.wake();
  CHECK(d.view().error == net::errc::peer_offline);
  REQUIRE(d.said<msg::reset_peer>()); // no endpoint: WireGuard shall not call either
  CHECK(silent(d.said<msg::reset_peer>()->peer));
  CHECK_FALSE(d.core.wake_at());
}
