// A control server that is somewhere else, or another one: what an invite to a party we are in
// does.

#include "net/control/invite.hpp"
#include "tests/actors/directory/pair_of_members.hpp"

using namespace lanrage;
using namespace lanrage::test;

namespace {

/// The party's invite as its server is known by now.
std::string new_invite(const pair_of_members& p) {
  auto invite = net::control::parse_invite(p.invite);
  if (!invite) FAIL("no invite");
  invite->server = p.world.line();
  return net::control::reveal(*invite);
}

bool online(const directory_node& node, const std::string& peer) {
  return node.peer(peer).online;
}

} // namespace

TEST_CASE("a new invite to the same party says where the server is now") {
  pair_of_members p;
  p.world.server_moves("elsewhere.test");
  p.world.advance(5min);
  CHECK_FALSE(p.bob.told<msg::control_state>().back().up);
  const auto asked = p.bob.join(new_invite(p));
  CHECK(p.bob.answer<msg::party_info>(asked).server == "elsewhere.test:8443");
  p.alice.join(new_invite(p));
  p.world.advance(1s);
  CHECK(online(p.bob, "alice"));
  CHECK(online(p.alice, "bob"));
  CHECK(p.bob.told<msg::peer_gone>().empty());
  CHECK(p.bob.refusal(p.bob.join(new_invite(p))) == net::errc::already_exists);
  CHECK(actors::parse_directory(p.bob.document)->server->host == "elsewhere.test");
}

TEST_CASE("a party is at another server when its members join it there") {
  pair_of_members p;
  p.world.server_moves("new.test", true);
  p.world.advance(1min);
  const auto before = first_of<msg::interface_wanted>(p.bob.core->snapshot(p.world.at()));
  for (auto* node : {&p.bob, &p.alice}) {
    node->answer<msg::party_info>(node->join(new_invite(p)));
    p.world.advance(3s);
  }
  CHECK(online(p.bob, "alice"));
  CHECK(online(p.alice, "bob"));
  CHECK(p.bob.told<msg::peer_gone>().size() == 1); // until she was there, too
  CHECK(first_of<msg::interface_wanted>(p.bob.core->snapshot(p.world.at())) == before);
  // What a restarted daemon remembers.
  directory_node again{p.world, "again", p.bob.document, "bob", p.bob.key};
  again.start();
  p.world.advance(3s);
  CHECK(online(again, "alice"));
}

TEST_CASE("who leaves the parties of a server that is gone can go to another one") {
  pair_of_members p;
  p.world.server_moves("new.test", true);
  const auto refused = p.bob.create("work");
  CHECK(p.bob.answer<net::error>(refused).detail.find("leave them first") != std::string::npos);
  p.bob.answer<msg::done>(p.bob.leave("lan night"));
  p.world.advance(1min);
  const auto made = p.bob.create("work");
  p.world.advance(1s);
  CHECK(p.bob.answer<msg::invitation>(made).party.server == "new.test:8443");
  CHECK(actors::parse_directory(p.bob.document)->parties.size() == 1);
}

TEST_CASE("a party does not take others along to another server") {
  pair_of_members p;
  p.bob.create("work");
  p.world.advance(1s);
  const auto here = p.bob.core->parties();
  p.world.server_moves("new.test", true);
  const auto asked = p.bob.join(new_invite(p));
  const auto why = p.bob.answer<net::error>(asked);
  CHECK(why.code == net::errc::bad_invite);
  CHECK(why.detail.find("control.test") != std::string::npos);
  CHECK(p.bob.core->parties().size() == here.size());
}
