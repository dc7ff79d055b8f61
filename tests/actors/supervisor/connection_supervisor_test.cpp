#include "actors/supervisor/saved_peers.hpp"
#include "tests/support/house.hpp"

#include <caf/event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage;
using namespace lanrage::test;

TEST_CASE("members of our parties are connected by themselves") {
  house h;
  h.bob_connects();
  REQUIRE(h.status());
  CHECK(h.phase() == msg::phase::connected);
  CHECK(h.status()->relay == "relay1");
  CHECK(h.status()->latency == std::chrono::nanoseconds{40ms});
  const auto list = h.time.ask<msg::status_report>(h.roles.supervisor, 0s, msg::list_status{});
  REQUIRE(list);
  CHECK(list->self.key == alice_key);
  REQUIRE(list->peers.size() == 1);
}

TEST_CASE("status knows who is on the local network") {
  house h;
  const auto lan = [&] {
    return h.time.ask<msg::status_report>(h.roles.supervisor, 0s, msg::list_status{})->self.lan;
  };
  CHECK_FALSE(lan().enabled);
  h.tell(msg::lan_state{true, {"eth0"}, {house::bob()}});
  CHECK(lan() == msg::lan_state{true, {"eth0"}, {house::bob()}});
  h.tell(msg::lan_state{true, {}, {}});
  CHECK(lan().near.empty());
}

TEST_CASE("without auto_connect a member is connected when asked, and connect answers once up") {
  house h{{}, false};
  h.bob_connects();
  CHECK_FALSE(h.status());
  caf::scoped_actor self{h.time.system()};
  auto pending = self->request(h.roles.supervisor, caf::infinite,
                               msg::connect_peer{std::nullopt, house::bob()});
  h.time.run_for(10ms);
  CHECK_FALSE(self->has_next_message()); // negotiating
  h.bob_says(net::signal_kind::offer);
  h.time.run_for(100ms);
  REQUIRE(self->has_next_message());
  pending.receive([](const msg::connection_view& view) { CHECK(view.at == msg::phase::connected); },
                  [](caf::error&) { FAIL("connect failed"); });
  SECTION("connecting twice answers with the existing connection") {
    const auto again = h.time.ask<msg::connection_view>(
        h.roles.supervisor, 0s, msg::connect_peer{std::nullopt, house::bob()});
    REQUIRE(again);
    CHECK(again->at == msg::phase::connected);
  }
}

TEST_CASE("connect names what went wrong") {
  house h;
  const auto begun = h.time.now();
  SECTION("nobody of that name") {
    const auto answer = h.time.ask<msg::connection_view>(
        h.roles.supervisor, 1min, msg::connect_peer{std::nullopt, house::bob()});
    REQUIRE_FALSE(answer);
    CHECK(msg::from_caf(answer.error()).code == net::errc::peer_not_found);
    CHECK(h.time.now().time_since_epoch() == begun.time_since_epoch() + 5s); // it may join yet
  }
  SECTION("no party of that name") {
    const auto answer = h.time.ask<msg::connection_view>(
        h.roles.supervisor, 0s, msg::connect_peer{"enemies", house::bob()});
    REQUIRE_FALSE(answer);
    CHECK(msg::from_caf(answer.error()).code == net::errc::party_not_found);
  }
  SECTION("a peer that does not answer") {
    h.bob_is_known();
    const auto answer = h.time.ask<msg::connection_view>(
        h.roles.supervisor, 1min, msg::connect_peer{std::nullopt, house::bob()});
    REQUIRE_FALSE(answer);
    CHECK(msg::from_caf(answer.error()).code == net::errc::connection_failed);
  }
}

TEST_CASE("a member that joins while somebody connects to it is connected to") {
  house h{{}, GENERATE(true, false)};
  caf::anon_send(h.roles.supervisor, msg::own_legs{both_legs()});
  caf::scoped_actor self{h.time.system()};
  auto pending = self->request(h.roles.supervisor, caf::infinite,
                               msg::connect_peer{std::nullopt, house::bob()});
  h.time.run_for(4s);
  CHECK_FALSE(self->has_next_message());
  h.bob_is_known();
  h.bob_says(net::signal_kind::offer);
  h.time.run_for(100ms);
  REQUIRE(self->has_next_message());
  pending.receive([](const msg::connection_view& view) { CHECK(view.at == msg::phase::connected); },
                  [](caf::error&) { FAIL("connect failed"); });
  h.time.run_for(10s); // the patience that was not needed
  CHECK(h.phase() == msg::phase::connected);
}

TEST_CASE("the party of a request counts") {
  house h;
  h.bob_connects();
  const auto code = [](const auto& answer) {
    REQUIRE_FALSE(answer);
    return msg::from_caf(answer.error()).code;
  };
  const auto status = [&](const std::string& party) {
    return h.time.ask<msg::connection_view>(h.roles.supervisor, 0s,
                                            msg::get_status{party, house::bob()});
  };
  const auto disconnect = [&](const std::string& party) {
    return h.time.ask<msg::done>(h.roles.supervisor, 1s, msg::disconnect_peer{party, house::bob()});
  };
  CHECK(status("friends"));
  CHECK(code(status("enemies")) == net::errc::party_not_found);
  CHECK(code(disconnect("enemies")) == net::errc::party_not_found);
  CHECK(h.phase() == msg::phase::connected);
  CHECK(disconnect("friends"));
  CHECK(h.count("remove") == 1);
}

TEST_CASE("a member of two parties is one connection, made where it is online") {
  house h;
  h.bob_is_offline();
  auto record = record_of("bob", 2);
  REQUIRE(h.status());
  CHECK(h.status()->error == net::errc::peer_offline);
  record.party.octets.fill(8);
  h.seen->findable = msg::known_peer{record, true, {}, true};
  h.seen->party = to_string(record.party);
  h.tell(msg::peer_known{*h.seen->findable});
  h.bob_says(net::signal_kind::offer);
  h.time.run_for(100ms);
  CHECK(h.phase() == msg::phase::connected);
  CHECK(h.status()->party == record.party);
  const auto list = h.time.ask<msg::status_report>(h.roles.supervisor, 0s, msg::list_status{});
  REQUIRE(list);
  CHECK(list->peers.size() == 1);
}

TEST_CASE("an offline member is waited for in silence, and connecting to it says so after 5 s") {
  house h;
  h.bob_is_offline();
  REQUIRE(h.status());
  CHECK(h.status()->error == net::errc::peer_offline);
  CHECK(h.count("set") == 1);
  h.seen->signals.clear();
  h.time.run_for(1h);
  CHECK(h.seen->signals.empty());
  CHECK(h.seen->writer.size() == 1);
  CHECK(h.seen->lookups == 2); // our own, for the status
  const auto asked = h.time.now();
  const auto answer = h.time.ask<msg::connection_view>(
      h.roles.supervisor, 1min, msg::connect_peer{std::nullopt, house::bob()});
  REQUIRE_FALSE(answer);
  const auto why = msg::from_caf(answer.error());
  CHECK(why.code == net::errc::peer_offline);
  CHECK(why.detail == "bob is offline");
  CHECK(h.time.now() - asked == 5s);
  CHECK(h.seen->signals.empty());
  h.bob_connects(); // presence, and its offer
  CHECK(h.phase() == msg::phase::connected);
}

TEST_CASE("a first connection to an offline member waits as long for it") {
  house h{{}, false};
  h.bob_is_offline();
  const auto asked = h.time.now();
  const auto comes = GENERATE(false, true);
  caf::scoped_actor self{h.time.system()};
  auto pending = self->request(h.roles.supervisor, caf::infinite,
                               msg::connect_peer{std::nullopt, house::bob()});
  h.time.run_for(5s - 1ms);
  CHECK_FALSE(self->has_next_message());
  if (comes) h.bob_connects();
  h.time.run_for(1ms);
  REQUIRE(self->has_next_message());
  pending.receive([&](const msg::connection_view&) { CHECK(comes); },
                  [&](caf::error& e) {
                    CHECK_FALSE(comes);
                    CHECK(msg::from_caf(e).code == net::errc::peer_offline);
                  });
  CHECK(h.time.now() - asked < 6s);
}

TEST_CASE("subscribers hear that a path that was found turns out to be a relay's") {
  house h;
  std::optional<msg::connection_view> heard;
  const auto ear = h.time.own(h.time.system().spawn([&heard](caf::event_based_actor*) {
    return caf::behavior{[&heard](const msg::connection_event& event) {
      if (event.view) heard = event.view;
    }};
  }));
  caf::anon_send(h.roles.supervisor, msg::attach_events{caf::actor_cast<msg::event_sink>(ear)});
  h.seen->writer_knows_session = true; // over a relay that we have not heard of
  h.bob_is_known();
  h.time.run_for(1s);
  REQUIRE(heard);
  CHECK(heard->at == msg::phase::connected);
  CHECK_FALSE(heard->how);
  caf::anon_send(h.roles.supervisor, msg::own_legs{both_legs()});
  h.bob_says(net::signal_kind::offer);
  h.time.run_for(1s);
  CHECK(heard->at == msg::phase::connected);
  CHECK(heard->how == msg::strategy::relay);
  CHECK(heard->relay == "relay1");
}

TEST_CASE("a crashed peer continues from its saved record while WireGuard keeps it") {
  house h;
  h.bob_connects();
  REQUIRE(h.phase() == msg::phase::connected);
  const auto before = *h.status();
  const auto resets = h.count("reset");
  h.seen->writer_knows_session = true;
  *h.crashes = 1;
  caf::anon_send(h.roles.supervisor, msg::network_changed{});
  h.time.run_for(1s);
  CHECK(*h.crashes == 0);
  CHECK(h.phase() == msg::phase::connected);
  CHECK(h.count("remove") == 0);
  CHECK(h.count("reset") == resets);
  CHECK(h.status()->connected_at == before.connected_at);
  CHECK(h.status()->counters.restarts == 1);
  CHECK(h.deaths->empty()); // contained below the supervisor
}

TEST_CASE("a peer that keeps dying escalates to its supervisor, and WireGuard still keeps it") {
  house h;
  h.bob_connects();
  h.seen->writer_knows_session = true;
  *h.crashes = 4; // one more than the budget: the event and three fresh starts
  caf::anon_send(h.roles.supervisor, msg::network_changed{});
  h.time.run_for(700ms);
  REQUIRE(h.deaths->size() == 1);
  CHECK(h.deaths->front().name == "connections");
  CHECK(h.deaths->front().cause.find("peer bob keeps dying") != std::string::npos);
  h.time.run_for(2s);
  CHECK(h.phase() == msg::phase::connected); // the next supervisor took it up again
  CHECK(h.count("remove") == 0);
}

TEST_CASE("disconnect removes the peer, says bye, is remembered, and connect ends that") {
  house h;
  h.bob_connects();
  const auto gone = h.time.ask<msg::done>(h.roles.supervisor, 1s,
                                          msg::disconnect_peer{std::nullopt, house::bob()});
  REQUIRE(gone);
  CHECK(h.count("remove") == 1);
  CHECK(h.seen->signals.back() == net::signal_kind::bye);
  CHECK_FALSE(h.status());
  const auto writes = h.seen->writer.size();
  h.bob_is_known();
  h.time.run_for(1h);
  CHECK_FALSE(h.status());
  CHECK(h.seen->writer.size() == writes);
  REQUIRE_FALSE(h.seen->stored.empty());
  const auto stored = actors::decode_saved_peers(h.seen->stored.back());
  REQUIRE(stored.has_value());
  CHECK_FALSE(stored->front().wanted);
  SECTION("an offer is answered with bye") {
    h.seen->signals.clear();
    h.bob_says(net::signal_kind::offer);
    CHECK(h.seen->signals == std::vector{net::signal_kind::bye});
  }
  SECTION("disconnecting again is done already") {
    CHECK(h.time.ask<msg::done>(h.roles.supervisor, 1s,
                                msg::disconnect_peer{std::nullopt, house::bob()}));
  }
  SECTION("connect again") {
    caf::anon_send(h.roles.supervisor, msg::connect_peer{std::nullopt, house::bob()});
    h.time.settle();
    h.bob_says(net::signal_kind::offer);
    h.time.run_for(100ms);
    CHECK(h.phase() == msg::phase::connected);
  }
}

TEST_CASE("who is told that a peer is disconnected is told so by a restart, too") {
  house h;
  h.bob_connects();
  const auto disconnect = [&] {
    return h.time.ask<msg::done>(h.roles.supervisor, 1s,
                                 msg::disconnect_peer{std::nullopt, house::bob()});
  };
  const auto kept = [&] {
    const auto stored = actors::decode_saved_peers(h.seen->stored.back());
    return stored.has_value() && stored->front().wanted;
  };
  SECTION("the disk has it") {
    REQUIRE(disconnect());
    CHECK_FALSE(kept());
    SECTION("that it is wanted again is no secret of the process either") {
      caf::anon_send(h.roles.supervisor, msg::connect_peer{std::nullopt, house::bob()});
      h.time.settle();
      CHECK(kept());
    }
  }
  SECTION("or the answer says that it has not") {
    h.seen->disk_full = true;
    const auto answer = disconnect();
    REQUIRE_FALSE(answer);
    CHECK(msg::from_caf(answer.error()).code == net::errc::not_stored);
    CHECK_FALSE(h.status());
    h.seen->disk_full = false;
    h.time.run_for(2s);
    CHECK_FALSE(kept());
  }
}

TEST_CASE("whom the last daemon left in WireGuard although nobody wants him is removed") {
  house before;
  before.bob_connects();
  before.time.run_for(2s);
  auto saved = actors::decode_saved_peers(before.seen->stored.back()).value();
  saved.front().wanted = false; // asked for again, and killed before the disk had it
  house h{saved};
  CHECK(h.count("remove") == 1);
  CHECK_FALSE(h.status());
}

TEST_CASE("who was kept under another key makes way when the directory knows the name's owner") {
  house before;
  before.bob_connects();
  before.time.run_for(2s);
  auto saved = actors::decode_saved_peers(before.seen->stored.back()).value();
  saved.front().record.key.octets[3] ^= 4; // damaged, and still a key
  house h{saved};
  REQUIRE(h.memory->peers.size() == 1);
  h.bob_connects();
  h.time.run_for(10s);
  REQUIRE(h.memory->peers.size() == 1);
  CHECK(h.memory->peers.begin()->first == bob_key);
  CHECK(h.phase() == msg::phase::connected);
}

TEST_CASE("disconnecting from a stranger is peer_not_found") {
  house h;
  const auto answer = h.time.ask<msg::done>(h.roles.supervisor, 1s,
                                            msg::disconnect_peer{std::nullopt, house::bob()});
  REQUIRE_FALSE(answer);
  CHECK(msg::from_caf(answer.error()).code == net::errc::peer_not_found);
}

TEST_CASE("a restarted daemon takes up the saved connections before the directory speaks") {
  house before;
  before.bob_connects();
  before.time.run_for(2s);
  REQUIRE_FALSE(before.seen->stored.empty());
  auto saved = actors::decode_saved_peers(before.seen->stored.back());
  REQUIRE(saved.has_value());
  house after{*saved};
  CHECK(after.phase() == msg::phase::negotiating); // no session there: from the start
  auto told_of_session = saved->front();
  REQUIRE(told_of_session.configured);
  CHECK(told_of_session.configured->where == relay1_at);
}

TEST_CASE("a restarted initiator is connected before the other side says a word") {
  house before;
  before.bob_connects();
  before.time.run_for(2s);
  REQUIRE_FALSE(before.seen->stored.empty());
  auto saved = actors::decode_saved_peers(before.seen->stored.back());
  REQUIRE(saved.has_value());
  saved->front().record.relays = both_legs(); // as bob published it
  house after{*saved};
  caf::anon_send(after.roles.supervisor, msg::own_legs{both_legs()});
  after.time.run_for(10ms);
  CHECK(after.phase() == msg::phase::connected);
  CHECK(after.status()->relay == "relay1");
}

TEST_CASE("a member that left is removed from WireGuard and forgotten") {
  house h;
  h.bob_connects();
  h.tell(msg::peer_gone{record_of("bob", 2).party, bob_key});
  h.time.run_for(1s);
  CHECK(h.count("remove") == 1);
  CHECK_FALSE(h.status());
  CHECK(h.memory->peers.empty());
}

TEST_CASE("a member that left while the supervisor was not there is forgotten when it is back") {
  house h;
  h.bob_connects();
  h.tell(msg::members_listed{{{bob_key, record_of("bob", 2).party}}});
  h.time.run_for(1s);
  CHECK(h.status()); // he is still one

  h.tell(msg::members_listed{{{alice_key, record_of("bob", 2).party}}});
  h.time.run_for(1s);
  CHECK(h.count("remove") == 1);
  CHECK_FALSE(h.status());
  CHECK(h.memory->peers.empty());
  CHECK(h.memory->known.empty());
}

TEST_CASE("in no party nobody is connected to, nor continued from an earlier run") {
  house before;
  before.bob_connects();
  before.time.run_for(2s);
  const auto saved = actors::decode_saved_peers(before.seen->stored.back());
  REQUIRE(saved.has_value());
  house after{*saved};
  after.tell(msg::interface_wanted{true, {}}); // its members may be told later
  after.time.run_for(1s);
  CHECK(after.count("remove") == 0);
  CHECK(after.memory->peers.size() == 1);

  after.tell(msg::interface_wanted{});
  after.tell(msg::interface_wanted{});
  after.time.run_for(1s);
  CHECK(after.count("remove") == 1);
  CHECK(after.memory->peers.empty());
}

TEST_CASE("the interface that the directory wants is handed to WireGuard, and only that") {
  house h;
  CHECK(h.seen->writer.empty());
  h.tell(msg::interface_wanted{true, *net::virtual_ip::parse("10.66.0.9")});
  CHECK(h.count("interface") == 1);
  h.tell(msg::interface_wanted{});
  CHECK(h.count("no interface") == 1);
  const auto status = h.time.ask<msg::status_report>(h.roles.supervisor, 0s, msg::list_status{});
  REQUIRE(status);
  CHECK_FALSE(status->self.address.leased());
}

TEST_CASE("changes are saved together, a second later") {
  house h;
  h.bob_connects();
  CHECK(h.seen->stored.empty());
  h.time.run_for(1s);
  CHECK(h.seen->stored.size() == 1);
  h.time.run_for(10min); // healthy checks alone save nothing
  CHECK(h.seen->stored.size() == 1);
}

TEST_CASE("a thousand checks leave no timers behind") {
  house h;
  h.bob_connects();
  h.time.run_for(10min);
  const auto early = h.time.pending_timers();
  h.time.run_for(10h);
  CHECK(h.time.pending_timers() <= early + 2);
}
