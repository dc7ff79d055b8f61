// Every actor of a daemon dies while it handles every kind of message that it takes: instead of
// handling it, and right after. The daemon recovers by itself, packets of users pass all the while,
// nothing is written twice and nothing that was acknowledged is lost.
#include "tests/faults/killer.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace lanrage;
using namespace lanrage::sim;
using namespace lanrage::test;
using namespace std::chrono_literals;

namespace {

const std::string peer = "peer p4";

enum class place { apart, home, hard };

/// What happens to p1, whose actors die: p2 and p3 are connected, directly and by a relay, when it
/// begins; p4 comes, goes and comes again. At home p4 is on p1's switch. In the hard place p1's NAT
/// is symmetric, p4's port-restricted, and they guess.
struct story {
  std::string text; ///< the log
  world w;
  std::vector<relay_number> relays;
  std::vector<node_id> nats;
  std::vector<member_id> p;
  std::optional<killer> watch;
  std::string invite;
  std::size_t direct = 0; ///< streams of pings
  std::size_t relayed = 0;

  /// `at` dies from the beginning on; else when aimed at.
  explicit story(place where, const handled* at = nullptr, when how = when::instead)
      : w((spdlog::set_level(spdlog::level::off), settings())) {
    w.log().to([this](std::string_view line) { text += line; });
    for (const auto* name : {"relay1", "relay2"})
      relays.push_back(w.add_relay(name));
    const auto own = where == place::hard ? symmetric() : port_restricted();
    const nat_settings boxes[] = {own, port_restricted(), symmetric(), port_restricted()};
    for (std::size_t i = 0; i < std::size(boxes); ++i) {
      const auto name = "p" + std::to_string(i + 1);
      member_settings how;
      how.birthday_probing = where == place::hard && (i == 0 || i == 3);
      const auto away = i < 3 || where != place::home;
      if (away) nats.push_back(w.add_nat("nat-" + name, boxes[i]));
      p.push_back(w.add_member(name, away ? nats.back() : nats.front(), how));
    }
    watch.emplace(w, p[0]);
    REQUIRE(net::is_initiator(w.key(p[0]), w.key(p[3])));
    if (at) watch->aim(*at, how);
    for (std::size_t i = 0; i < 3; ++i)
      w.start(p[i]);
    insist([this] {
      const auto made = w.create_party(p[0], "friends");
      if (made) invite = made->invite;
      return made.has_value();
    });
    for (const auto who : {p[1], p[2]})
      REQUIRE(w.join_party(who, invite).has_value());
    REQUIRE(w.run_until([this] { return w.all_connected(); }, 60s));
    w.run_for(10s);
  }
  /// With this seed p1 is the one that starts towards p4.
  static world_settings settings() {
    static const auto seed = [] {
      for (std::uint64_t i = 1;; ++i) {
        world_settings out;
        out.seed = i;
        world w{out};
        const auto one = w.add_member("p1");
        if (net::is_initiator(w.key(one), w.key(w.add_member("p4")))) return i;
      }
    }();
    world_settings out;
    out.seed = seed;
    return out;
  }

  /// Commands may be refused while who carries them out is being restarted: users ask again.
  template <class Command>
  void insist(Command command) {
    for (int i = 0; i < 20 && !command(); ++i)
      w.run_for(500ms);
  }
  void ask_everything() {
    auto& time = w.actors();
    const auto id = net::peer_id::parse("p2").value();
    const auto& r = w.roles(p[0]);
    (void)time.ask<msg::connection_view>(r.supervisor, 1s, msg::get_status{{}, id});
    (void)time.ask<msg::status_report>(r.supervisor, 1s, msg::list_status{});
    (void)time.ask<msg::explanation>(r.supervisor, 1s,
                                     msg::explain_peer{{}, net::peer_id::parse("p4").value()});
    (void)time.ask<std::vector<msg::known_peer>>(r.directory, 1s, msg::list_peers{});
    (void)time.ask<std::vector<msg::party_info>>(r.directory, 1s, msg::list_parties{});
    (void)time.ask<msg::invitation>(r.directory, 1s, msg::party_invite{"friends"});
    (void)time.ask<msg::done>(r.directory, 1s,
                              msg::party_forget{{}, net::peer_id::parse("nobody").value()});
    (void)time.ask<msg::own_paths>(r.nat, 1s, msg::get_paths{});
    caf::anon_send(r.nat, msg::ports_mapped{});
    caf::anon_send(r.supervisor, msg::handshake_seen{w.key(p[3])});
  }
  void second_party() {
    insist([this] { return w.create_party(p[0], "others").has_value(); });
    const auto theirs = w.create_party(p[1], "theirs");
    REQUIRE(theirs.has_value());
    insist([&] { return w.join_party(p[0], theirs->invite).has_value(); });
    w.run_for(2s);
    for (const auto* party : {"others", "theirs"})
      insist([&] {
        return static_cast<bool>(
            w.actors().ask<msg::done>(w.roles(p[0]).directory, 15s, msg::party_leave{party}));
      });
  }
  void play() {
    direct = w.start_pings(p[0], p[1], 100ms, 1'400);
    relayed = w.start_pings(p[0], p[2], 100ms, 1'400);
    w.start(p[3]);
    insist([this] { return w.join_party(p[3], invite).has_value(); });
    w.run_for(10s);
    ask_everything();
    w.run_for(1s);
    second_party();
    w.on(p[0]).addresses_changed();
    w.run_for(10s);
    insist([this] { return w.disconnect(p[0], "p4").has_value(); });
    w.run_for(5s);
    w.kill(p[3]);
    w.run_for(1s);
    (void)w.connect(p[0], "p4", 10s); // waits 5 s for who is away, who then rests
    w.run_for(1s);
    w.start(p[3]);
    insist([this] { return w.connect(p[0], "p4", 20s).has_value(); });
    w.run_for(5s);
    w.control().stop();
    w.run_for(2s);
    // Refused, as nobody is there to tell: a new key would end every actor.
    (void)w.actors().ask<msg::key_rotated>(w.roles(p[0]).directory, 1s, msg::rotate_key{});
    w.control().start();
    w.run_for(30s);
  }
  void let_udp_out(bool out) {
    auto how = w.net().nat(nats[0]).settings();
    how.blocks_udp = !out;
    w.net().nat(nats[0]).use(how);
    w.rewired();
  }
  /// Neighbours, a wall against UDP, a connection without any relay, and the last party left.
  void play_at_home() {
    w.start(p[3]);
    insist([this] { return w.join_party(p[3], invite).has_value(); });
    w.run_for(8s);
    direct = w.start_pings(p[0], p[1], 100ms, 800);
    w.run_for(2s);
    let_udp_out(false);
    w.run_for(20s);
    w.relay(relays[0]).kill();
    w.run_for(5s);
    w.relay(relays[0]).start();
    w.run_for(10s);
    let_udp_out(true);
    w.run_for(30s);
    insist([this] { return w.disconnect(p[0], "p4").has_value(); });
    for (const auto each : relays)
      w.relay(each).kill();
    w.run_for(2s);
    insist([this] { return w.connect(p[0], "p4", 20s).has_value(); });
    for (const auto each : relays)
      w.relay(each).start();
    w.run_for(20s);
    insist([&] {
      return static_cast<bool>(
          w.actors().ask<msg::done>(w.roles(p[0]).directory, 15s, msg::party_leave{"friends"}));
    });
    w.run_for(5s);
    insist([this] { return w.join_party(p[0], invite).has_value(); });
    w.run_for(10s);
  }
  /// A path that was guessed, and a better one.
  void play_hard() {
    direct = w.start_pings(p[0], p[1], 100ms, 900);
    w.start(p[3]);
    insist([this] { return w.join_party(p[3], invite).has_value(); });
    w.run_for(40s);
    w.move(p[3], std::nullopt);
    w.run_for(60s);
  }
  /// The relay between p1 and p3 dies: whoever dies with it, another one takes over.
  void lose_relay() {
    const auto view = w.connection(p[0], p[2]);
    REQUIRE(view);
    for (const auto each : relays)
      if (view->relay == w.relay(each).name()) w.relay(each).kill();
    w.run_for(30s);
  }
  void end_well() {
    w.run_for(2s); // who died last is back
    const bool up = w.run_until([this] { return w.all_connected(); }, 120s, 100ms);
    watch->finish();
    for (const auto& each : watch->found().all())
      UNSCOPED_INFO(invariants::checker::text_of(each));
    CHECK(watch->found().all().empty());
    UNSCOPED_INFO(text);
    CHECK(up);
    for (const auto other : {p[1], p[2], p[3]})
      CHECK(w.ping(p[0], other, 1s));
  }
};

using kinds = std::set<std::pair<std::string, std::string>>;
/// Said once, while a daemon starts.
const kinds at_start{{"port", "attach_frames"},
                     {"route watch", "get_host_addresses"},
                     {"route watch", "attach_network"},
                     {"wireguard device", "ensure_device"},
                     {"control link", "attach_control"},
                     {"wireguard writer", "interface_wanted"},
                     {"lan", "attach_lan"},
                     {"relay streams", "close_streams"},
                     {"directory", "attach_directory"},
                     {"connection supervisor", "attach_events"}};

/// Kinds for which there is an occasion at home only.
const kinds at_home{{"wireguard device", "remove_device"},
                    {"lan", "lan_send"},
                    {"lan", "attach_lan"},
                    {"control link", "control_close"},
                    {"nat", "nominate_path"},
                    {"directory", "lan_heard"},
                    {"relay selector", "stream_opened"},
                    {"relay selector", "stream_closed"},
                    {"relay streams", "open_stream"},
                    {"relay streams", "close_stream"}};

/// The same for the hard place.
const kinds at_hard{{"port", "rewrite_ports"}, {"nat", "release_path"}};

void play_at_home(story& s) {
  s.play_at_home();
  CHECK(s.w.pings(s.direct).answered > 700);
  // The wall cuts the direct path; the second repair, 5 s after the first, brings a stream.
  CHECK(s.w.pings(s.direct).longest_silence < 8s);
}

void play_hard(story& s) {
  s.play_hard();
  CHECK(s.w.pings(s.direct).answered > 850);
}

void play_apart(story& s) {
  s.play();
  const auto late = [&](std::size_t stream) {
    const auto open = s.w.unanswered(stream);
    return std::count_if(open.begin(), open.end(),
                         [&](const auto& sent) { return s.w.now() - sent > 1s; });
  };
  CHECK(late(s.direct) == 0);
  CHECK(late(s.relayed) == 0);
  if (!s.watch->died()) s.lose_relay();
}

/// One actor, every message, both ways.
void let_die_everywhere(const std::string& actor) {
  for (const auto how : {when::instead, when::after})
    for (const auto& at : everything(peer)) {
      if (at.actor != actor) continue;
      const bool first = at_start.contains({at.actor, at.message});
      const bool home = at_home.contains({at.actor, at.message});
      INFO(at.actor << " dies " << (how == when::after ? "after " : "instead of handling ")
                    << at.message);
      const bool hard = at_hard.contains({at.actor, at.message});
      const auto where = home ? place::home : hard ? place::hard : place::apart;
      story s{where, first ? &at : nullptr, how};
      if (!first) s.watch->aim(at, how);
      if (home)
        play_at_home(s);
      else if (hard)
        play_hard(s);
      else
        play_apart(s);
      s.end_well();
      CHECK(s.watch->died());
      CHECK(s.watch->is_back());
    }
}

} // namespace

TEST_CASE("the stories of supervision have an occasion for every message of every actor") {
  const auto all = everything(peer);
  CHECK(all.size() > 70);
  std::set<std::string> actors;
  for (const auto& each : all)
    actors.insert(each.actor);
  kinds came;
  for (const auto where : {place::apart, place::home, place::hard}) {
    story s{where};
    s.watch->list(all);
    if (where == place::home) {
      play_at_home(s);
    } else if (where == place::hard) {
      play_hard(s);
    } else {
      s.play();
      s.lose_relay();
      CHECK(s.w.pings(s.direct).answered > 900);
    }
    s.end_well();
    came.insert(s.watch->came().begin(), s.watch->came().end());
    for (const auto& name : s.watch->born())
      if (name != "peer p2" && name != "peer p3") CHECK(actors.contains(name));
  }
  for (const auto& each : all) {
    if (at_start.contains({each.actor, each.message})) continue;
    INFO(each.actor << " handles " << each.message);
    CHECK(came.contains({each.actor, each.message}));
  }
}

TEST_CASE("the port may die at any message, and nobody notices") {
  let_die_everywhere("port");
}

TEST_CASE("the prober may die at any message, and nobody notices") {
  let_die_everywhere("prober");
}

TEST_CASE("the route watch may die at any message, and nobody notices") {
  let_die_everywhere("route watch");
}

TEST_CASE("the wireguard device may die at any message, and nobody notices") {
  let_die_everywhere("wireguard device");
}

TEST_CASE("the control link may die at any message, and nobody notices") {
  let_die_everywhere("control link");
}

TEST_CASE("what serves the local network may die at any message, and nobody notices") {
  let_die_everywhere("lan");
}

TEST_CASE("what keeps streams to relays may die at any message, and nobody notices") {
  let_die_everywhere("relay streams");
}

TEST_CASE("the store may die at any message, and nobody notices") {
  let_die_everywhere("store");
}

TEST_CASE("the wireguard writer may die at any message, and nobody notices") {
  let_die_everywhere("wireguard writer");
}

TEST_CASE("the directory may die at any message, and nobody notices") {
  let_die_everywhere("directory");
}

TEST_CASE("the nat may die at any message, and nobody notices") {
  let_die_everywhere("nat");
}

TEST_CASE("the relay selector may die at any message, and nobody notices") {
  let_die_everywhere("relay selector");
}

TEST_CASE("the connection supervisor may die at any message, and nobody notices") {
  let_die_everywhere("connection supervisor");
}

TEST_CASE("the actor of a peer may die at any message, and nobody notices") {
  let_die_everywhere(peer);
}
