#include "actors/directory/directory_core.hpp"
#include "config/lan_defaults.hpp"
#include "net/control/sealing.hpp"
#include "net/frames.hpp"
#include "tests/actors/directory/control_world.hpp"

#include <set>

using namespace lanrage;
using namespace lanrage::test;
namespace defaults = config::defaults;

namespace {

/// Alice made a party, Bob joined it; then the server went away for good, and both started again.
struct boot_without_server {
  control_world world;
  net::party_id party;
  std::string invite;
  std::string alice_disk, bob_disk;
  std::unique_ptr<directory_node> alice, bob;

  explicit boot_without_server(bool bob_knew_alice = true) {
    directory_node first{world, "alice"};
    directory_node second{world, "bob"};
    first.start();
    second.start();
    first.host("192.168.1.2:51820");
    second.host("192.168.1.3:51820");
    const auto asked = first.create("lan night");
    world.advance(1s);
    const auto made = first.answer<msg::invitation>(asked);
    invite = made.invite;
    party = made.party.id;
    second.join(invite);
    world.advance(5s);
    REQUIRE(second.knows("alice"));
    world.server_down();
    world.advance(10s);
    alice_disk = first.document;
    bob_disk = second.document;
    world.detach(first);
    world.detach(second);
    if (!bob_knew_alice) forget("alice", bob_disk);
    alice = std::make_unique<directory_node>(world, "alice", alice_disk);
    bob = std::make_unique<directory_node>(world, "bob", bob_disk);
    alice->start();
    bob->start();
    alice->host("192.168.1.2:51820");
    bob->host("192.168.1.3:51820");
  }
  static void forget(const std::string& who, std::string& disk) {
    auto saved = actors::parse_directory(disk).value();
    std::erase_if(saved.parties.at(0).members,
                  [&](const auto& each) { return each.envelope->id.str() == who; });
    disk = to_text(saved);
  }
  void plug_both() {
    world.plug(*alice);
    world.plug(*bob);
  }
  bool both_near() const { return alice->peer("bob").near && bob->peer("alice").near; }
};

net::bytes octets_of(const msg::lan_send& frame) {
  return *frame.data;
}

} // namespace

TEST_CASE("two that remember each other are near within a moment, without any server") {
  boot_without_server b;
  CHECK_FALSE(b.alice->peer("bob").presence_known);
  b.plug_both();
  b.world.advance(200ms);
  REQUIRE(b.both_near());
  CHECK(b.alice->peer("bob").online);
  CHECK(b.alice->peer("bob").presence_known);
  const auto news = b.alice->told<msg::lan_state>();
  REQUIRE_FALSE(news.empty());
  CHECK(news.back().interfaces == std::vector<std::string>{"eth0"});
  CHECK(news.back().near == std::vector{*net::peer_id::parse("bob")});
}

TEST_CASE("signals that waited for a server go over the local network, once") {
  boot_without_server b;
  b.alice->signal(b.party, b.bob->pub, 7);
  b.plug_both();
  b.world.advance(200ms);
  const auto heard = b.bob->told<msg::signal_received>();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].from == b.alice->pub);
  CHECK(heard[0].signal.epoch == 7);
  b.bob->signal(b.party, b.alice->pub, 8);
  b.world.settle();
  CHECK(b.alice->told<msg::signal_received>().size() == 1);
}

TEST_CASE("a signal too long for one frame arrives in parts") {
  boot_without_server b;
  b.plug_both();
  b.world.advance(200ms);
  b.alice->on_lan.clear();
  msg::send_signal big{b.party, b.bob->pub, {}};
  for (std::uint16_t i = 1; i <= net::candidates_max; ++i)
    big.signal.candidates.push_back(
        {net::candidate_kind::host, {net::ip_address::v4(0xc0a80000 + i), 51820}});
  for (std::size_t i = 0; i < net::relays_max; ++i)
    big.signal.relays.push_back({net::relay_id{{static_cast<std::uint8_t>(i)}}, 1ms});
  b.alice->run([&](auto& c, auto at, auto& out) { c.send(big, at, out); });
  b.world.settle();
  CHECK(b.alice->on_lan.size() > 1);
  const auto heard = b.bob->told<msg::signal_received>();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].signal.candidates == big.signal.candidates);
  CHECK(heard[0].signal.relays == big.signal.relays);
}

TEST_CASE("a member that was never met introduces itself by its signed record") {
  boot_without_server b{false};
  REQUIRE_FALSE(b.bob->knows("alice"));
  b.plug_both();
  b.world.advance(200ms);
  REQUIRE(b.bob->knows("alice"));
  CHECK(b.bob->peer("alice").near);
  CHECK(to_string(b.bob->peer("alice").record.candidates.at(0).address) == "192.168.1.2:51820");
  CHECK(b.bob->told<msg::peer_known>().size() == 1);
}

TEST_CASE("a newer record replaces an older one, and an older one nothing") {
  boot_without_server b;
  // Bob slept while Alice moved: the server knew her new record, he does not.
  b.world.server_up();
  b.world.detach(*b.bob);
  b.world.advance(60s);
  b.alice->host("10.1.1.1:51820");
  b.world.advance(5s);
  b.world.server_down();
  b.world.attach(*b.bob);
  const auto old = b.bob->peer("alice").record.version;
  b.plug_both();
  b.world.advance(3s);
  CHECK(b.bob->peer("alice").record.version > old);
  CHECK(to_string(b.bob->peer("alice").record.candidates.at(0).address) == "10.1.1.1:51820");
  CHECK(b.bob->log.empty() == false); // the server's absence, nothing of the record
  for (const auto& line : b.bob->log)
    CHECK(line.find("record of") == std::string::npos);
}

TEST_CASE("members whose clocks differ by years find each other all the same") {
  boot_without_server b;
  b.bob->clock_off = -24h * 365 * 20;
  b.plug_both();
  b.world.advance(1s);
  CHECK(b.both_near());
  b.bob->signal(b.party, b.alice->pub, 3);
  b.world.settle();
  CHECK(b.alice->told<msg::signal_received>().size() <= 1);
}

TEST_CASE("one that comes late with a wrong clock is found at the next announcement") {
  boot_without_server b;
  b.world.plug(*b.alice);
  b.world.advance(30min);
  b.bob->clock_off = -24h;
  b.world.plug(*b.bob);
  b.world.advance(2s);
  CHECK_FALSE(b.both_near()); // nothing makes Alice speak before her time
  b.world.advance(defaults::lan_again_max + 1s);
  CHECK(b.both_near());
}

TEST_CASE("a member alone announces itself ever more seldom and says nothing else") {
  boot_without_server b;
  b.world.plug(*b.alice);
  b.world.advance(1h);
  CHECK(b.alice->on_lan.size() <= 45);
  for (const auto& frame : b.alice->on_lan)
    CHECK_FALSE(frame.to);
}

TEST_CASE("members that know of each other fall silent but for their announcements") {
  boot_without_server b;
  b.plug_both();
  b.world.advance(10min);
  b.alice->on_lan.clear();
  b.bob->on_lan.clear();
  b.world.advance(1h);
  CHECK(b.both_near());
  // An announcement each in two minutes, and at most an answer for each that was heard.
  CHECK(b.alice->on_lan.size() <= 65);
  CHECK(b.bob->on_lan.size() <= 65);
}

TEST_CASE("one that is gone is near no more, and unplugging tells at once") {
  boot_without_server b;
  b.plug_both();
  b.world.advance(1s);
  REQUIRE(b.both_near());
  b.world.unplug(*b.bob);
  CHECK_FALSE(b.bob->peer("alice").near);
  CHECK_FALSE(b.bob->peer("alice").online);
  b.alice->told<msg::peer_known>();
  b.world.advance(defaults::lan_near_for + 1s);
  CHECK_FALSE(b.alice->peer("bob").near);
  const auto news = b.alice->told<msg::peer_known>();
  REQUIRE(news.size() == 1);
  CHECK_FALSE(news[0].peer.online);
}

TEST_CASE("after a long time announcements still count higher than those before a restart") {
  boot_without_server b;
  b.plug_both();
  b.world.advance(3h);
  b.world.unplug(*b.alice);
  b.world.detach(*b.alice);
  const auto before = b.alice->document;
  directory_node again{b.world, "alice", before};
  again.clock_off = -24h * 365; // and its clock's battery is empty now
  again.start();
  b.world.plug(again);
  b.world.advance(defaults::lan_again_max + 5s);
  CHECK(again.peer("bob").near);
  CHECK(b.bob->peer("alice").near);
  b.world.detach(again);
}

TEST_CASE("who is here is online, whatever the server says, and is spoken to here") {
  boot_without_server b;
  b.world.server_up();
  b.world.advance(60s);
  b.plug_both();
  b.world.advance(1s);
  REQUIRE(b.both_near());
  b.world.detach(*b.bob); // his way to the server is cut
  b.world.cut(*b.bob);
  b.world.attach(*b.bob);
  const auto requests = [&] {
    return std::count_if(b.alice->said.begin(), b.alice->said.end(), [](const auto& m) {
      return std::holds_alternative<control::signal_request>(m);
    });
  };
  const auto before = requests();
  CHECK(b.alice->peer("bob").online);
  b.bob->told<msg::signal_received>();
  b.alice->signal(b.party, b.bob->pub, 9);
  b.world.settle();
  CHECK(requests() == before); // the server would refuse it
  CHECK(b.bob->told<msg::signal_received>().size() == 1);
}

TEST_CASE("a signal that comes both ways is told once") {
  boot_without_server b;
  b.world.server_up();
  b.world.advance(60s);
  b.plug_both();
  b.world.advance(1s);
  REQUIRE(b.both_near());
  b.bob->told<msg::signal_received>();
  b.bob->on_lan.clear();
  b.alice->on_lan.clear();
  b.alice->signal(b.party, b.bob->pub, 5);
  b.world.settle();
  CHECK(b.alice->on_lan.size() == 1);
  CHECK(std::count_if(b.alice->said.begin(), b.alice->said.end(), [](const auto& m) {
          return std::holds_alternative<control::signal_request>(m);
        }) >= 1);
  CHECK(b.bob->told<msg::signal_received>().size() == 1);
}

TEST_CASE("what the server never stored is published again") {
  boot_without_server b;
  b.world.server_up();
  b.world.advance(60s);
  const auto then = b.world.stored();
  b.alice->host("10.1.1.1:51820");
  b.world.advance(5s);
  REQUIRE(to_string(b.bob->peer("alice").record.candidates.at(0).address) == "10.1.1.1:51820");
  b.world.server_down();
  b.world.server_back_to(then);
  b.world.advance(120s);
  CHECK(b.bob->peer("alice").online); // though her record there was an old one
  directory_node carol{b.world, "carol"};
  carol.start();
  carol.join(b.invite);
  b.world.advance(5s);
  CHECK(to_string(carol.peer("alice").record.candidates.at(0).address) == "10.1.1.1:51820");
  b.world.detach(carol);
}

// --- strangers
// ------------------------------------------------------------------------------------

TEST_CASE("a stranger that says again whatever it heard makes nobody send anything") {
  boot_without_server b;
  b.plug_both();
  b.alice->signal(b.party, b.bob->pub, 7);
  b.bob->signal(b.party, b.alice->pub, 7);
  b.world.advance(10s);
  std::vector<msg::lan_send> recorded = b.alice->on_lan;
  recorded.insert(recorded.end(), b.bob->on_lan.begin(), b.bob->on_lan.end());
  REQUIRE(recorded.size() > 10);
  // Both restart, and hear all of it again: within the minute, and after it.
  for (const auto pause : {0s, 120s}) {
    b.world.detach(*b.alice);
    b.world.detach(*b.bob);
    b.alice = std::make_unique<directory_node>(b.world, "alice", b.alice->document);
    b.alice->start();
    b.world.advance(pause);
    b.world.plug(*b.alice);
    b.world.advance(10s);
    b.alice->on_lan.clear();
    b.alice->events.clear();
    const auto next = b.alice->core->deadline();
    for (const auto& frame : recorded)
      b.world.carry({net::ip_address::v4(0x0a0000fe), 1}, {std::nullopt, frame.data});
    b.world.settle();
    CHECK(b.alice->on_lan.empty());
    CHECK(b.alice->told<msg::signal_received>().empty());
    CHECK_FALSE(b.alice->peer("bob").near);
    CHECK(b.alice->core->deadline() == next);
  }
}

TEST_CASE("what a member did not hear when it was said brings nobody to answer later") {
  boot_without_server b;
  b.world.plug(*b.bob); // Alice is not here
  b.world.advance(10s);
  const auto recorded = b.bob->on_lan;
  REQUIRE(recorded.size() > 4);
  b.world.unplug(*b.bob);
  b.world.advance(defaults::lan_clock_window + 1s);
  b.world.plug(*b.alice);
  b.world.advance(10s);
  b.alice->on_lan.clear();
  for (const auto& frame : recorded)
    b.world.carry({net::ip_address::v4(0x0a0000fe), 1}, {std::nullopt, frame.data});
  b.world.settle();
  CHECK(b.alice->on_lan.empty());
  CHECK_FALSE(b.alice->peer("bob").near);
}

TEST_CASE("another party's frames, forged ones and a flood change nothing") {
  boot_without_server b;
  b.plug_both();
  b.world.advance(10s);
  b.alice->on_lan.clear();
  b.alice->events.clear();
  const auto next = b.alice->core->deadline();
  const auto stranger = [&](net::bytes data) {
    b.world.carry({net::ip_address::v4(0x0a0000fe), 1},
                  {std::nullopt, std::make_shared<const net::bytes>(std::move(data))});
  };
  const auto keys = net::lan_keys_of(net::party_secret{});
  const auto random = stream("stranger");
  const auto key = net::generate_x25519<net::wg_private_key>(random);
  net::lan_announcement said;
  said.from = b.bob->pub;
  said.sign_key = net::public_key(net::sign_key_of(key));
  said.counter = ~std::uint64_t{0};
  said.time_unix_ms = static_cast<std::uint64_t>(b.world.at().wall.count());
  stranger(net::encode(said, keys, net::sign_key_of(key), random));
  const auto real = octets_of(b.bob->on_lan.front());
  for (std::size_t i = 0; i < real.size(); ++i) {
    auto altered = real;
    altered[i] ^= 0x80;
    stranger(altered);
    stranger({real.begin(), real.begin() + static_cast<std::ptrdiff_t>(i)});
  }
  for (int i = 0; i < 10'000; ++i) {
    net::bytes noise(static_cast<std::size_t>(i) % 1'400);
    random(noise);
    if (noise.size() > 8) std::copy(real.begin(), real.begin() + 8, noise.begin());
    stranger(std::move(noise));
  }
  b.world.settle();
  CHECK(b.alice->on_lan.empty());
  CHECK(b.alice->events.empty());
  CHECK(b.alice->core->deadline() == next);
  CHECK(b.both_near());
}

TEST_CASE("a member cannot speak for another one") {
  boot_without_server b;
  b.plug_both();
  b.world.advance(10s);
  directory_node eve{b.world, "eve", b.bob->document}; // she has the secret
  eve.on_lan.clear();
  const auto secret = actors::parse_directory(b.bob->document).value().parties.at(0).secret;
  const auto keys = net::lan_keys_of(secret);
  const auto random = stream("eve");
  net::lan_announcement said;
  said.from = b.bob->pub;
  said.sign_key = net::public_key(net::sign_key_of(eve.key)); // she has no other
  said.counter = std::uint64_t{1} << 60;
  said.time_unix_ms = static_cast<std::uint64_t>(b.world.at().wall.count());
  b.alice->on_lan.clear();
  const auto say = [&](net::bytes data) {
    b.world.carry({net::ip_address::v4(0x0a0000fe), 1},
                  {std::nullopt, std::make_shared<const net::bytes>(std::move(data))});
    b.world.settle();
  };
  say(net::encode(said, keys, net::sign_key_of(eve.key), random));
  // With his key's name, but not his signature.
  said.sign_key = net::public_key(net::sign_key_of(b.bob->key));
  say(net::encode(said, keys, net::sign_key_of(eve.key), random));
  CHECK(b.alice->on_lan.empty());
  b.world.advance(defaults::lan_again_max + 1s);
  CHECK(b.both_near()); // his own word still counts
  b.world.detach(eve);
}

TEST_CASE("a record that was not asked for is not taken") {
  boot_without_server b{false};
  b.plug_both();
  b.world.advance(1s);
  REQUIRE(b.bob->knows("alice"));
  const auto recorded = b.alice->on_lan;
  // The server is back and says that Alice has left the party.
  b.world.server_up();
  b.world.advance(60s);
  b.alice->leave("lan night");
  b.world.advance(1s);
  REQUIRE_FALSE(b.bob->knows("alice"));
  for (const auto& frame : recorded)
    b.world.carry(b.alice->place, {std::nullopt, frame.data});
  b.world.settle();
  CHECK_FALSE(b.bob->knows("alice"));
}
