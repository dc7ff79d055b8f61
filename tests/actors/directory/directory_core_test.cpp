#include "actors/directory/directory_core.hpp"
#include "net/control/sealing.hpp"
#include "net/frames.hpp"
#include "tests/actors/directory/pair_of_members.hpp"

using namespace lanrage;
using namespace lanrage::test;
using net::errc;

namespace {

std::size_t published(const directory_node& node) {
  return static_cast<std::size_t>(
      std::count_if(node.said.begin(), node.said.end(), [](const auto& m) {
        return std::holds_alternative<control::publish_request>(m);
      }));
}

} // namespace

TEST_CASE("without a party there is no connection") {
  control_world world;
  directory_node alice{world, "alice"};
  alice.start();
  world.advance(1h);
  CHECK(alice.opens.empty());
  CHECK(alice.core->parties().empty());
}

TEST_CASE("a party is made: the answer is an invite that others join by") {
  control_world world;
  directory_node alice{world, "alice"};
  directory_node bob{world, "bob"};
  alice.start();
  const auto asked = alice.create("lan night");
  world.advance(1s);
  const auto made = alice.answer<msg::invitation>(asked);
  CHECK(made.party.name == "lan night");
  CHECK(made.party.joined);
  CHECK(made.party.members == 1);
  CHECK(made.party.server == "control.test:8443");
  for (const auto& name : {std::string{"lan night"}, to_string(made.party.id)}) {
    const auto again = alice.core->invite({name});
    REQUIRE(again);
    CHECK(again->invite == made.invite);
  }
  CHECK(alice.core->invite({"work"}).error().code == net::errc::party_not_found);
  const auto interfaces = alice.told<msg::interface_wanted>();
  REQUIRE(interfaces.size() == 2);
  CHECK(interfaces[0] == msg::interface_wanted{true, {}}); // made while the server is asked
  CHECK(interfaces[1].address.leased());
  const auto relays = alice.told<msg::relays_listed>();
  REQUIRE(!relays.empty());
  CHECK(relays.back().relays.size() == 1);
  CHECK(relays.back().tokens.size() == 1);
  CHECK(alice.told<msg::control_state>().back().up);

  bob.start();
  const auto joined = bob.join(made.invite);
  world.advance(1s);
  CHECK(bob.answer<msg::party_info>(joined).id == made.party.id);
  CHECK(bob.knows("alice"));
  CHECK(alice.knows("bob"));
  CHECK(alice.core->parties()[0].members == 2);
  CHECK(alice.peer("bob").online);
  CHECK(alice.peer("bob").record.address ==
        net::virtual_ip::derive(*net::peer_id::parse("bob"), 0));
}

TEST_CASE("what cannot be joined is refused with its reason, and forgotten") {
  pair_of_members p;
  directory_node carol{p.world, "carol"};
  carol.start();
  CHECK(carol.refusal(carol.join("lanrage://nonsense")) == errc::bad_invite);
  CHECK(carol.refusal(carol.create(" ")) == errc::bad_invite);
  auto invite = *control::parse_invite(p.invite);
  invite.secret = net::generate_secret<net::party_secret>(stream("another"));
  const auto stranger = carol.join(control::reveal(invite));
  p.world.advance(1s);
  CHECK(carol.refusal(stranger) == errc::party_not_found);
  CHECK(carol.core->parties().empty());
  CHECK(carol.document.find("another") == std::string::npos);

  directory_node second{p.world, "bob"}; // the same name needs another key
  second.key = carol.key;
  CHECK(p.bob.refusal(p.bob.join(p.invite)) == errc::already_exists);
  auto elsewhere = *control::parse_invite(p.invite);
  elsewhere.server.pin.octets[0] ^= 1;
  elsewhere.secret = invite.secret;
  elsewhere.party = "other";
  CHECK(p.bob.refusal(p.bob.join(control::reveal(elsewhere))) == errc::bad_invite);
  CHECK(p.bob.refusal(p.bob.leave("unknown")) == errc::party_not_found);
  p.world.detach(second);
  p.world.detach(carol);
}

TEST_CASE("with the server away a user is told so at once, and nothing is kept") {
  control_world world;
  directory_node alice{world, "alice"};
  alice.start();
  world.server_down();
  const auto asked = alice.create("lan night");
  world.advance(1s);
  CHECK(alice.refusal(asked) == errc::control_unreachable);
  CHECK(alice.core->parties().empty());
  world.advance(1h);
  CHECK(alice.opens.size() == 1);
}

TEST_CASE("changes of our own paths and legs are published, many at once as one") {
  pair_of_members p;
  const auto before = published(p.alice);
  const auto version = p.bob.peer("alice").record.version;
  p.alice.host("192.168.1.2:51820"); // nothing new
  p.world.advance(1s);
  CHECK(published(p.alice) == before);

  for (int port = 1; port <= 5; ++port)
    p.alice.paths({{net::candidate_kind::host, *net::endpoint::parse("192.168.1.2:51820")},
                   {net::candidate_kind::server_reflexive,
                    *net::endpoint::parse("198.51.100.1:" + std::to_string(port))}});
  p.world.settle();
  CHECK(published(p.alice) == before + 1); // the first at once
  CHECK(p.bob.peer("alice").record.candidates.size() == 2);
  p.world.advance(config::defaults::publish_gap);
  CHECK(published(p.alice) == before + 2); // the rest as one
  const auto seen = p.bob.peer("alice").record;
  CHECK(seen.candidates[1].address.port == 5);
  CHECK(seen.version > version);
  CHECK(!p.bob.told<msg::peer_known>().empty());

  p.alice.run([](auto& core, auto at, auto& out) {
    core.own(msg::own_legs{{{net::relay_id{}, 7ms}}}, at, out);
  });
  p.world.advance(1s);
  CHECK(p.bob.peer("alice").record.relays.size() == 1);
}

TEST_CASE("signals arrive once, in order, with rising sequences and the sender's delay") {
  pair_of_members p;
  p.alice.signal(p.party, p.bob.pub, 1);
  p.alice.signal(p.party, p.bob.pub, 2);
  p.world.settle();
  const auto heard = p.bob.told<msg::signal_received>();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].from == p.alice.pub);
  CHECK(heard[0].signal.epoch == 1);
  CHECK(heard[1].signal.sequence > heard[0].signal.sequence);
  CHECK(heard[0].signal.control_delay == 15ms);
}

TEST_CASE("a replayed or older signal is dropped, also after a restart") {
  pair_of_members p;
  p.alice.signal(p.party, p.bob.pub, 1);
  p.world.settle();
  const auto replay = [&](directory_node& to) {
    const auto& sent = std::get<control::signal_request>(p.alice.said.back());
    to.run([&](auto& core, auto at, auto& out) {
      core.heard({to.attempt, control::server_message{control::signal_arrived{p.party, p.alice.pub,
                                                                              sent.sealed}}},
                 at, out);
    });
    return to.told<msg::signal_received>().size();
  };
  CHECK(p.bob.told<msg::signal_received>().size() == 1);
  CHECK(replay(p.bob) == 0);
  p.world.advance(3s); // saved
  p.world.detach(p.bob);
  directory_node again{p.world, "bob", p.bob.document};
  again.start();
  p.world.advance(1s);
  CHECK(replay(again) == 0);
  p.alice.signal(p.party, again.pub, 2);
  p.world.settle();
  CHECK(again.told<msg::signal_received>().size() == 1);
}

TEST_CASE("a signal of somebody who is no member is not heard") {
  pair_of_members p;
  const auto eve = net::generate_x25519<net::wg_private_key>(stream("eve"));
  net::peer_signal signal;
  signal.sequence = 1;
  const auto sealed = control::signal_box{eve}.seal(signal, p.party, p.bob.pub, stream("nonce"));
  p.bob.run([&](auto& core, auto at, auto& out) {
    core.heard({p.bob.attempt, control::server_message{control::signal_arrived{
                                   p.party, net::public_key(eve), *sealed}}},
               at, out);
  });
  CHECK(p.bob.told<msg::signal_received>().empty());
}

TEST_CASE("a lost connection comes back by itself, with growing waits while the server is away") {
  pair_of_members p;
  p.world.advance(1min);
  p.world.server_down();
  CHECK(!p.alice.told<msg::control_state>().back().up);
  CHECK(p.alice.peer("bob").record.id.str() == "bob"); // remembered meanwhile
  const auto before = p.alice.opens.size();
  p.world.advance(10s);
  const auto early = p.alice.opens.size() - before;
  CHECK(early >= 5);
  CHECK(early <= 8);
  p.world.advance(10min);
  const auto later = p.alice.opens.size() - before - early;
  CHECK(later >= 600 / 30 - 2);
  CHECK(later <= 600 / 15 + 4);
  p.world.server_up();
  p.world.advance(31s);
  CHECK(p.alice.told<msg::control_state>().back().up);
  CHECK(p.bob.peer("alice").online);
}

TEST_CASE("after a good connection the first retry is quick") {
  pair_of_members p;
  p.world.advance(1min);
  p.world.cut(p.alice);
  p.world.advance(config::defaults::control_retry_first);
  CHECK(p.alice.told<msg::control_state>().back().up);
}

TEST_CASE("news of the network ends the wait for the server, and after a sleep connects anew") {
  pair_of_members p;
  const auto network = [&](std::chrono::nanoseconds slept) {
    p.alice.run([&](auto& core, auto at, auto& out) {
      core.network_changed(msg::network_changed{{}, slept}, at, out);
    });
  };
  SECTION("waiting") {
    p.world.advance(1min);
    p.world.server_down();
    p.world.advance(10min);
    p.world.server_up();
    const auto before = p.alice.opens.size();
    network({});
    CHECK(p.alice.opens.size() == before + 1);
    p.world.advance(1s);
    CHECK(p.alice.told<msg::control_state>().back().up);
    CHECK(p.bob.peer("alice").online);
  }
  SECTION("connected: only a sleep makes it doubtful") {
    p.alice.events.clear();
    const auto before = p.alice.opens.size();
    network({});
    CHECK(p.alice.opens.size() == before);
    network(8h);
    CHECK(p.alice.opens.size() == before + 1);
    p.world.advance(1s);
    for (const auto& state : p.alice.told<msg::control_state>())
      CHECK(state.up); // the old connection stays until the new one stands
    CHECK(p.bob.peer("alice").online);
  }
}

TEST_CASE("without a party the network's news open no connection") {
  control_world world;
  directory_node alice{world, "alice"};
  alice.start();
  alice.run([&](auto& core, auto at, auto& out) {
    core.network_changed(msg::network_changed{{}, 8h}, at, out);
  });
  CHECK(alice.opens.empty());
}

TEST_CASE("what a human must mend is retried slowly") {
  pair_of_members p;
  p.world.advance(1min);
  const auto opens = p.alice.opens.size();
  p.alice.run([&](auto& core, auto at, auto& out) {
    core.heard({p.alice.attempt, msg::link_closed{net::fail(errc::wrong_pin, "another server")}},
               at, out);
  });
  CHECK(p.alice.log.back().find("control: wrong_pin") == 0);
  p.world.advance(config::defaults::control_retry_max / 2 - 1s);
  CHECK(p.alice.opens.size() == opens);
  p.world.advance(config::defaults::control_retry_max / 2 + 1s);
  CHECK(p.alice.opens.size() == opens + 1);
}

TEST_CASE("late news of an older attempt is dropped; a new driver's first word counts") {
  pair_of_members p;
  p.world.cut(p.alice);
  p.world.advance(1s);
  REQUIRE(p.alice.attempt == 2);
  const auto opens = p.alice.opens.size();
  const auto closed = msg::link_closed{net::fail(errc::closed, "old")};
  const auto hear = [&](std::uint64_t attempt) {
    p.alice.run([&](auto& core, auto at, auto& out) { core.heard({attempt, closed}, at, out); });
    p.world.advance(1s);
  };
  hear(p.alice.attempt - 1);
  CHECK(p.alice.opens.size() == opens);
  hear(0);
  CHECK(p.alice.opens.size() == opens + 1);
  CHECK(p.alice.told<msg::control_state>().back().up);
}

TEST_CASE("a driver that never answers is given up at the deadline") {
  pair_of_members p;
  directory_node alone{p.world, "carol"};
  p.world.detach(alone); // nobody obeys it
  actors::directory_effects out;
  alone.core->join(1, {p.invite}, p.world.at(), out);
  REQUIRE(out.link.size() == 1);
  const auto due = alone.core->deadline();
  REQUIRE(due);
  p.world.now = *due;
  alone.core->tick(p.world.at(), out);
  REQUIRE(out.answers.size() == 1);
  CHECK(std::get<net::error>(out.answers[0].what).code == errc::timed_out);
}

TEST_CASE("records, lease, relays and tokens are served from memory while the server is away") {
  pair_of_members p;
  p.world.advance(5s);
  const auto address = p.alice.peer("bob").record.address;
  const auto heard = p.alice.peer("bob").heard;
  p.world.server_down();
  p.world.detach(p.alice);
  directory_node again{p.world, "alice", p.alice.document};
  again.start();
  p.world.advance(1s);
  const auto known = again.peer("bob");
  CHECK(known.record.address == address);
  CHECK(known.heard == heard);
  CHECK(!known.online);
  CHECK(again.core->parties()[0].members == 2);
  std::size_t records = 0;
  std::size_t lists = 0;
  for (const auto& event : again.core->snapshot(p.world.at())) {
    records += std::holds_alternative<msg::peer_known>(event.what);
    if (const auto* relays = std::get_if<msg::relays_listed>(&event.what)) {
      CHECK(relays->relays.size() == 1);
      CHECK(relays->tokens.size() == 1);
    }
    if (const auto* listed = std::get_if<msg::members_listed>(&event.what)) {
      CHECK(records == 0); // who has gone is told first
      CHECK(listed->members == std::set{std::pair{known.record.key, known.record.party}});
      ++lists;
    }
    if (const auto* interface = std::get_if<msg::interface_wanted>(&event.what)) {
      CHECK(interface->there);
      CHECK(interface->address.leased());
    }
    if (const auto* state = std::get_if<msg::control_state>(&event.what)) CHECK(!state->up);
  }
  CHECK(records == 1);
  CHECK(lists == 1);
}

TEST_CASE("tokens that expired are not served") {
  pair_of_members p;
  p.world.advance(5s);
  p.world.server_down();
  p.world.detach(p.alice);
  p.world.advance(25h);
  directory_node again{p.world, "alice", p.alice.document};
  again.start();
  for (const auto& event : again.core->snapshot(p.world.at()))
    if (const auto* relays = std::get_if<msg::relays_listed>(&event.what))
      CHECK(relays->tokens.empty());
}

TEST_CASE("a server that lost its store gets its parties back from the members") {
  pair_of_members p;
  p.world.advance(1min);
  p.world.server_down();
  p.world.server_up(false);
  p.world.advance(1min);
  CHECK(p.world.registry().parties() == 1);
  CHECK(p.world.registry().members() == 2);
  CHECK(p.alice.peer("bob").online);
  CHECK(p.bob.peer("alice").online);
  CHECK(p.alice.core->parties()[0].joined);
}

TEST_CASE("an invite of a party that is gone does not make it anew") {
  pair_of_members p;
  p.alice.leave("lan night");
  p.bob.leave("lan night");
  p.world.advance(1s);
  CHECK(p.world.registry().parties() == 0);
  directory_node carol{p.world, "carol"};
  carol.start();
  const auto asked = carol.join(p.invite);
  p.world.advance(1s);
  CHECK(carol.refusal(asked) == errc::party_not_found);
  p.world.detach(carol);
}

TEST_CASE("leaving is at once for the user and reaches the others") {
  pair_of_members p;
  p.bob.answer<msg::done>(p.bob.leave("lan night"));
  CHECK(p.bob.told<msg::peer_gone>().size() == 1);
  CHECK(p.bob.core->peers().empty());
  p.world.settle();
  CHECK(p.alice.told<msg::peer_gone>().size() == 1);
  CHECK(!p.alice.knows("bob"));
  CHECK(!p.world.registry().lease_of(p.bob.pub));
  const auto opens = p.bob.opens.size();
  p.world.advance(1h);
  CHECK(p.bob.opens.size() == opens); // no party, no connection
}

TEST_CASE("a party left while the server is away is left there later, also after a restart") {
  pair_of_members p;
  p.world.advance(5s);
  p.world.server_down();
  p.bob.answer<msg::done>(p.bob.leave("lan night"));
  CHECK(p.bob.core->parties().empty());
  CHECK_FALSE(p.bob.told<msg::interface_wanted>().back().there); // at once
  p.world.detach(p.bob);
  directory_node again{p.world, "bob", p.bob.document};
  again.start();
  CHECK(first_of<msg::interface_wanted>(again.core->snapshot(p.world.at())) ==
        msg::interface_wanted{});
  p.world.server_up();
  p.world.advance(1min);
  CHECK(again.core->parties().empty());
  CHECK(!p.alice.knows("bob"));
  CHECK(p.world.registry().members() == 1);
  CHECK(again.document.find("\"parties\":[]") != std::string::npos);
}

TEST_CASE("a signal without a connection waits a moment for one, the newest per peer") {
  pair_of_members p;
  p.world.advance(1min);
  p.world.cut(p.alice);
  p.alice.signal(p.party, p.bob.pub, 1);
  p.alice.signal(p.party, p.bob.pub, 2);
  p.world.advance(1s);
  const auto heard = p.bob.told<msg::signal_received>();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].signal.epoch == 2);

  p.world.server_down();
  p.alice.signal(p.party, p.bob.pub, 3);
  p.world.advance(1min);
  p.world.server_up();
  p.world.advance(1min);
  CHECK(p.bob.told<msg::signal_received>().empty()); // too old to be told
}

TEST_CASE("a name is looked up in the party that is asked for, by its name or id") {
  pair_of_members p;
  directory_node other{p.world, "robert", {}, "bob"};
  other.start();
  other.host("192.168.1.9:51820");
  const auto asked = other.create("work");
  p.world.advance(1s);
  const auto work = other.answer<msg::invitation>(asked);
  p.alice.join(work.invite);
  p.world.advance(3s);
  const auto find = [&](std::optional<std::string> party) {
    return p.alice.core->find({std::move(party), *net::peer_id::parse("bob")});
  };
  REQUIRE(find("lan night"));
  CHECK(find("lan night")->record.key == p.bob.pub);
  REQUIRE(find("work"));
  CHECK(find("work")->record.key == other.pub);
  REQUIRE(find(to_string(work.party.id)));
  CHECK(find(to_string(work.party.id))->record.key == other.pub);
  CHECK(find("play").error().code == errc::party_not_found);
  const auto which = find({});
  REQUIRE_FALSE(which);
  CHECK(which.error().code == errc::peer_not_found);
  CHECK(which.error().detail.find("lan night") != std::string::npos);
  CHECK(which.error().detail.find("work") != std::string::npos);

  SECTION("one member in both parties is no question, and found where it is online") {
    p.world.detach(other);
    p.alice.leave("work");
    p.world.advance(1s);
    const auto again = p.alice.create("work");
    p.world.advance(1s);
    p.bob.join(p.alice.answer<msg::invitation>(again).invite);
    p.world.advance(3s);
    REQUIRE(find({}));
    CHECK(find({})->record.key == p.bob.pub);
    p.bob.leave("lan night");
    p.world.advance(1s);
    REQUIRE(find({}));
    CHECK(find({})->record.party != p.party);
  }
  SECTION("a party is left by its id, too") {
    p.alice.answer<msg::done>(p.alice.leave(to_string(work.party.id)));
    CHECK(p.alice.core->parties().size() == 1);
    p.world.detach(other);
  }
  SECTION("the world ends with both") {
    p.world.detach(other);
  }
}

TEST_CASE("nothing is sent to a member that is offline") {
  pair_of_members p;
  p.world.cut(p.bob);
  REQUIRE_FALSE(p.alice.peer("bob").online);
  CHECK(p.alice.peer("bob").presence_known);
  const auto said = p.alice.said.size();
  p.alice.signal(p.party, p.bob.pub, 1);
  CHECK(p.alice.said.size() == said);
  p.world.advance(1s); // it is back
  REQUIRE(p.alice.peer("bob").online);
  CHECK(p.alice.told<msg::peer_known>().back().peer.presence_known);
  CHECK(p.bob.told<msg::signal_received>().empty());
  p.alice.signal(p.party, p.bob.pub, 2);
  p.world.settle();
  CHECK(p.bob.told<msg::signal_received>().size() == 1);
}

TEST_CASE("presence is known with the server alone, and an offline member is told of then") {
  pair_of_members p;
  p.world.advance(5s);
  p.world.detach(p.bob);
  p.world.cut(p.bob);
  p.world.server_down();
  CHECK_FALSE(p.alice.peer("bob").presence_known);
  p.world.detach(p.alice);
  directory_node again{p.world, "alice", p.alice.document};
  again.start();
  p.world.advance(1s);
  CHECK_FALSE(again.peer("bob").presence_known);
  again.signal(p.party, p.bob.pub, 1);
  p.world.server_up();
  p.world.advance(2s);
  CHECK(again.peer("bob").presence_known);
  const auto told = again.told<msg::peer_known>();
  REQUIRE(told.size() == 1);
  CHECK(told[0].peer.presence_known);
  CHECK_FALSE(told[0].peer.online);
  for (const auto& message : again.said)
    CHECK_FALSE(std::holds_alternative<control::signal_request>(message));
}

TEST_CASE("signals to many members at once are paced, and all are sent") {
  pair_of_members p;
  const auto before = p.alice.said.size();
  for (std::uint32_t n = 0; n < 999; ++n) {
    net::wg_public_key to; // of nobody the server knows: it refuses them, one by one
    to.octets[0] = 9;
    to.octets[1] = static_cast<std::uint8_t>(n >> 8);
    to.octets[2] = static_cast<std::uint8_t>(n);
    p.alice.signal(p.party, to, 1);
  }
  const auto burst = std::size_t{config::defaults::control_signals_burst};
  CHECK(p.alice.said.size() - before == burst);
  p.world.advance(500ms);
  const auto half_second = std::size_t{config::defaults::control_signals_per_s / 2};
  CHECK(p.alice.said.size() - before <= burst + half_second + 1);
  p.world.advance(1500ms);
  CHECK(p.alice.said.size() - before == 999);
}

TEST_CASE("a moved machine reconnects at once, and nobody sees it offline") {
  pair_of_members p;
  p.world.advance(1min);
  const auto opens = p.alice.opens.size();
  p.alice.host("10.0.0.7:51820");
  p.world.advance(1s);
  CHECK(p.alice.opens.size() == opens + 1);
  for (const auto& event : p.bob.told<msg::peer_known>())
    CHECK(event.peer.online);
  CHECK(p.bob.peer("alice").record.candidates[0].address ==
        *net::endpoint::parse("10.0.0.7:51820"));
}

TEST_CASE("the first own addresses are no move: the connection stays") {
  control_world world;
  directory_node alice{world, "alice"};
  alice.start();
  alice.paths({});
  alice.create("lan night");
  world.advance(1s);
  alice.host("192.168.1.2:51820");
  world.advance(1s);
  CHECK(alice.opens.size() == 1);
  CHECK(published(alice) == 2);
}

TEST_CASE("a member that is refused its record does not take the others with it") {
  pair_of_members p;
  // The server passes on a record of Alice that was tampered with.
  auto envelope = std::get<control::publish_request>(p.alice.said[0]);
  envelope.sealed.back() ^= 1;
  p.bob.run([&](auto& core, auto at, auto& out) {
    core.heard(
        {p.bob.attempt,
         control::server_message{control::record_changed{
             p.party, {p.alice.pub, envelope.id, envelope.version + 9, true, envelope.sealed}}}},
        at, out);
  });
  CHECK(p.bob.knows("alice"));
  CHECK(p.bob.told<msg::peer_known>().empty());
  CHECK(p.bob.log.back().find("bad_signature") != std::string::npos);
}

TEST_CASE("a document that cannot be read is bad_state, an empty one a first start") {
  CHECK(actors::parse_directory("").has_value());
  CHECK(actors::parse_directory("{").error().code == errc::bad_state);
  CHECK(actors::parse_directory("{\"v\":2}").error().code == errc::bad_state);
  pair_of_members p;
  p.world.advance(5s);
  const auto saved = actors::parse_directory(p.alice.document);
  REQUIRE(saved);
  CHECK(actors::to_text(*saved) == p.alice.document);

  // One bit, and still a secret: of a party that nobody knows.
  auto damaged = p.alice.document;
  const std::string field = "\"secret\":\"";
  auto& letter = damaged[damaged.find(field) + field.size()];
  letter = letter == 'A' ? 'B' : 'A';
  CHECK(actors::parse_directory(damaged).error().code == errc::bad_state);
}
