#include "actors/directory/directory_core.hpp"
#include "tests/actors/directory/party_of_three.hpp"

using namespace lanrage;
using namespace lanrage::test;
using net::errc;

namespace {

actors::directory_request forget(directory_node& by, const std::string& who,
                                 std::optional<std::string> party = std::nullopt) {
  by.run([&](auto& c, auto at, auto& out) {
    c.forget(++by.last, msg::party_forget{std::move(party), *net::peer_id::parse(who)}, at, out);
  });
  return by.last;
}

/// Bob's machine is about to lose its disk.
struct losing_party : party_of_three {
  void lose_bob() {
    world.cut(bob);
    world.detach(bob);
    alice.events.clear();
    carol.events.clear();
  }
};

} // namespace

TEST_CASE("a lost member is forgotten by all, and comes back under its name with another key") {
  losing_party p;
  const auto address = p.alice.peer("bob").record.address;
  p.lose_bob();
  directory_node anew{p.world, "bob's new disk", {}, "bob"};
  const auto early = anew.join(p.invite);
  p.world.advance(1s);
  CHECK(anew.refusal(early) == errc::name_taken);

  const auto asked = forget(p.alice, "bob");
  p.world.settle();
  p.alice.answer<msg::done>(asked);
  for (auto* each : {&p.alice, &p.carol}) {
    const auto gone = each->told<msg::peer_gone>();
    REQUIRE(gone.size() == 1);
    CHECK(gone[0].key == p.bob.pub);
    CHECK(!each->knows("bob"));
  }
  const auto joined = anew.join(p.invite);
  p.world.advance(1s);
  anew.answer<msg::party_info>(joined);
  CHECK(p.carol.peer("bob").record.key == anew.pub);
  CHECK(p.carol.peer("bob").record.address == address); // derived from the name, and free again
  p.world.detach(anew);
}

TEST_CASE("a member that was away when another was forgotten learns it with its welcome") {
  losing_party p;
  p.lose_bob();
  p.world.cut(p.carol);
  p.world.detach(p.carol);
  p.alice.answer<msg::done>([&] {
    const auto asked = forget(p.alice, "bob");
    p.world.settle();
    return asked;
  }());
  directory_node carol{p.world, "carol", p.carol.document};
  CHECK(carol.knows("bob"));
  carol.start();
  p.world.advance(1s);
  CHECK(!carol.knows("bob"));
  CHECK(carol.told<msg::peer_gone>().size() == 1);
  p.world.detach(carol);
}

TEST_CASE("what cannot be forgotten is refused with the reason") {
  losing_party p;
  const auto refusal = [&](const std::string& who, std::optional<std::string> party = {}) {
    const auto asked = forget(p.alice, who, std::move(party));
    p.world.settle();
    return p.alice.refusal(asked);
  };
  CHECK(refusal("bob") == errc::peer_online);
  CHECK(p.alice.knows("bob"));
  CHECK(refusal("alice") == errc::peer_online); // itself; the server is not even asked
  CHECK(refusal("nobody") == errc::peer_not_found);
  CHECK(refusal("bob", "another party") == errc::party_not_found);
  const auto asked = p.alice.create("work");
  p.world.advance(1s);
  p.alice.answer<msg::invitation>(asked);
  CHECK(refusal("nobody") == errc::peer_not_found); // in which of the two?
  CHECK(refusal("bob") == errc::peer_online);       // only one has a bob
  CHECK(refusal("bob", "work") == errc::peer_not_found);
  p.world.server_down();
  CHECK(refusal("bob") == errc::closed);
}

TEST_CASE("one that never published a record can be forgotten, too") {
  losing_party p;
  directory_node dave{p.world, "dave"};
  const auto joined = dave.join(p.invite);
  p.world.settle();
  dave.answer<msg::party_info>(joined);
  p.world.cut(dave);
  p.world.detach(dave);
  REQUIRE(!p.alice.knows("dave"));
  const auto asked = forget(p.alice, "dave");
  p.world.settle();
  p.alice.answer<msg::done>(asked);
  CHECK(!p.world.registry().lease_of(dave.pub));
}

TEST_CASE("a server that does not answer is waited for, and asked one thing at a time") {
  losing_party p;
  p.lose_bob();
  // Said, but not arrived: the run below is not carried out.
  actors::directory_effects lost;
  p.alice.core->forget(100, {std::nullopt, *net::peer_id::parse("bob")}, p.world.at(), lost);
  CHECK(lost.link.size() == 1);
  CHECK(lost.answers.empty());
  CHECK(p.alice.refusal(forget(p.alice, "carol")) == errc::limit_reached);
  p.world.advance(config::defaults::control_confirm_deadline);
  CHECK(p.alice.refusal(100) == errc::timed_out);
  // Its answer may still come, so it is still the one thing that was asked.
  CHECK(p.alice.refusal(forget(p.alice, "carol")) == errc::limit_reached);
  p.world.cut(p.alice);
  p.world.advance(1s);
  const auto asked = forget(p.alice, "bob");
  p.world.settle();
  p.alice.answer<msg::done>(asked);
}

TEST_CASE("who waits for an answer hears when the connection ends or the party is left") {
  losing_party p;
  p.lose_bob();
  const msg::party_forget wanted{std::nullopt, *net::peer_id::parse("bob")};
  actors::directory_effects lost;
  p.alice.core->forget(100, wanted, p.world.at(), lost);
  p.carol.core->forget(100, wanted, p.world.at(), lost);
  p.world.cut(p.alice);
  CHECK(p.alice.refusal(100) == errc::closed);
  p.carol.leave("lan night");
  CHECK(p.carol.refusal(100) == errc::closed);
}
