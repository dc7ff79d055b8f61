#include "actors/directory/directory_core.hpp"
#include "net/control/sealing.hpp"
#include "tests/actors/directory/party_of_three.hpp"

using namespace lanrage;
using namespace lanrage::test;
using net::errc;

namespace {

struct rotating_party : party_of_three {
  /// The process that begins anew, with the key that Bob's file has now.
  std::unique_ptr<directory_node> restarted(const net::wg_private_key& key) {
    world.detach(bob); // whatever it would have done next is not done
    world.cut(bob);
    auto out = std::make_unique<directory_node>(world, "bob", bob.document, "", key);
    out->start();
    world.advance(1s);
    return out;
  }
  bool logged(const directory_node& by, const std::string& part) const {
    return std::any_of(by.log.begin(), by.log.end(),
                       [&](const auto& line) { return line.find(part) != std::string::npos; });
  }
};

} // namespace

TEST_CASE("a replaced key keeps name and address, and the others hear that it is the same member") {
  rotating_party p;
  const auto asked = p.bob.rotate();
  p.world.settle();
  const auto key = p.bob.answer<msg::key_rotated>(asked).key;
  REQUIRE(p.bob.rotated);
  CHECK(net::public_key(*p.bob.rotated) == key);
  CHECK(p.world.registry().lease_of(key) == p.address);
  CHECK(!p.world.registry().lease_of(p.bob.pub));
  CHECK(p.alice.told<msg::peer_gone>().size() == 1);
  CHECK(!p.alice.knows("bob"));

  const auto anew = p.restarted(*p.bob.rotated);
  for (auto* each : {&p.alice, &p.carol}) {
    const auto peer = each->peer("bob");
    CHECK(peer.record.key == key);
    CHECK(peer.record.address == p.address);
    CHECK(peer.online);
    CHECK(p.logged(*each, "bob has a new key, by the word of its old one"));
  }
  CHECK(anew->knows("alice"));
  CHECK(!anew->knows("bob")); // its former self is nobody to connect to
  // A signal finds it.
  p.alice.signal(p.party, key, 7);
  p.world.settle();
  CHECK(anew->told<msg::signal_received>().size() == 1);
}

TEST_CASE("the server hears of a key only when that is on the disk") {
  rotating_party p;
  p.bob.disk_full = true;
  const auto asked = p.bob.rotate();
  p.world.settle();
  const auto opens = p.bob.opens.size();
  CHECK(p.world.registry().lease_of(p.bob.pub));
  p.world.advance(5s); // it is tried again and again
  CHECK(p.bob.opens.size() == opens);
  p.bob.disk_full = false;
  p.world.advance(config::defaults::directory_save_after);
  CHECK(p.bob.rotated);
  p.bob.answer<msg::key_rotated>(asked);
}

TEST_CASE("a crash at any point of a change leaves a key that works") {
  rotating_party p;
  SECTION("before anything is on the disk") {
    const auto before = p.bob.document;
    p.bob.rotate();
    p.bob.document = before;
    const auto anew = p.restarted(p.bob.key);
    CHECK(p.alice.peer("bob").record.key == p.bob.pub);
    CHECK(p.alice.peer("bob").online);
  }
  SECTION("on the disk, and the server knows nothing") {
    p.bob.rotate(); // what is said after that is never carried out
    p.world.detach(p.bob);
    const auto half = p.restarted(p.bob.key);
    REQUIRE(half->rotated);
    const directory_node* gone = half.get();
    p.world.detach(*half);
    directory_node anew{p.world, "bob", gone->document, "", *half->rotated};
    anew.start();
    p.world.advance(1s);
    CHECK(p.alice.peer("bob").record.key == anew.pub);
    CHECK(p.alice.peer("bob").record.address == p.address);
    p.world.detach(anew);
  }
  SECTION("the server knows, and the key's file is the old one") {
    p.bob.rotate();
    p.world.settle();
    REQUIRE(p.bob.rotated);
    const auto half = p.restarted(p.bob.key);
    REQUIRE(half->rotated); // the same one, not a third
    CHECK(net::public_key(*half->rotated) == net::public_key(*p.bob.rotated));
    p.world.detach(*half);
    directory_node anew{p.world, "bob", half->document, "", *half->rotated};
    anew.start();
    p.world.advance(1s);
    CHECK(p.alice.peer("bob").record.key == anew.pub);
    p.world.detach(anew);
  }
  SECTION("the key's file is the new one, and the server has lost what it knew") {
    const auto then = p.world.stored();
    p.bob.rotate();
    p.world.settle();
    REQUIRE(p.bob.rotated);
    p.world.server_down();
    p.world.server_back_to(then); // from a copy, or after a power cut
    const auto anew = p.restarted(*p.bob.rotated);
    p.world.advance(1s);
    CHECK(p.world.registry().lease_of(anew->pub) == p.address);
    CHECK(!p.world.registry().lease_of(p.bob.pub));
  }
}

TEST_CASE("a server that does not answer leaves the old key in use, and gets the new one later") {
  rotating_party p;
  const auto asked = p.bob.rotate();
  p.world.server_down(); // the request is on its way
  p.world.advance(config::defaults::control_confirm_deadline);
  CHECK(p.bob.refusal(asked) == errc::timed_out);
  CHECK(!p.bob.rotated);
  CHECK(p.bob.refusal(p.bob.rotate()) == errc::already_exists);
  CHECK(p.bob.knows("alice"));
  p.world.server_up();
  p.world.advance(1min);
  REQUIRE(p.bob.rotated);
  CHECK(p.world.registry().lease_of(net::public_key(*p.bob.rotated)) == p.address);
}

TEST_CASE("a server that cannot move what a key has is not asked, or refuses without harm") {
  rotating_party p;
  const bool says_so = GENERATE(true, false);
  p.world.server_is_old(says_so);
  p.world.cut(p.bob);
  p.world.advance(1s);
  const auto asked = p.bob.rotate();
  p.world.settle();
  CHECK(p.bob.refusal(asked) == (says_so ? errc::control_refused : errc::name_taken));
  CHECK(!p.bob.rotated);
  CHECK(p.bob.document.find("key_change") == std::string::npos);
  p.world.advance(1s);
  CHECK(p.alice.peer("bob").record.key == p.bob.pub);
  CHECK(p.alice.peer("bob").online);
}

TEST_CASE("without a party or a connection there is nobody to tell of a new key") {
  rotating_party p;
  directory_node dave{p.world, "dave"};
  dave.start();
  CHECK(dave.refusal(dave.rotate()) == errc::party_not_found);
  p.world.server_down();
  CHECK(p.bob.refusal(p.bob.rotate()) == errc::closed);
  p.world.detach(dave);
}

TEST_CASE("a member that was away learns a replaced key with its welcome, the old one gone first") {
  rotating_party p;
  p.world.cut(p.carol);
  p.world.detach(p.carol);
  p.bob.rotate();
  p.world.settle();
  const auto anew = p.restarted(*p.bob.rotated);
  directory_node carol{p.world, "carol", p.carol.document};
  carol.start();
  p.world.advance(1s);
  CHECK(carol.peer("bob").record.key == anew->pub);
  CHECK(p.logged(carol, "bob has a new key, by the word of its old one"));
  std::vector<std::string> order;
  for (const auto& event : carol.events) {
    if (const auto* gone = std::get_if<msg::peer_gone>(&event.what); gone && gone->key == p.bob.pub)
      order.push_back("gone");
    if (const auto* known = std::get_if<msg::peer_known>(&event.what);
        known && known->peer.record.key == anew->pub)
      order.push_back("known");
  }
  REQUIRE(!order.empty());
  CHECK(order.front() == "gone");
  CHECK(std::count(order.begin(), order.end(), "gone") == 1);
  p.world.detach(carol);
}

TEST_CASE("a name that comes with another key and without the old one's word is said to be so") {
  rotating_party p;
  p.world.cut(p.bob);
  p.world.detach(p.bob);
  p.alice.run([&](auto& c, auto at, auto& out) {
    c.forget(++p.alice.last, {std::nullopt, *net::peer_id::parse("bob")}, at, out);
  });
  p.world.settle();
  directory_node other{p.world, "bob's new disk", {}, "bob"};
  other.join(p.invite);
  p.world.advance(1s);
  CHECK(p.alice.peer("bob").record.key == other.pub);
  CHECK(p.logged(p.carol, "bob comes with another key than before and without the word"));
  p.world.detach(other);
}
