// Every actor of a daemon dies while it handles every kind of message that it takes: instead of
// handling it, and right after. The daemon recovers by itself, packets of users pass all the while,
// nothing is written twice and nothing that was acknowledged is lost.
#include "messages/interfaces.hpp"
#include "sim/invariants/checker.hpp"
#include "sim/world.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/typed_actor.hpp>

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <typeinfo>
#include <vector>

using namespace lanrage;
using namespace lanrage::sim;
using namespace std::chrono_literals;

namespace {

/// One kind of message that an actor takes.
struct handled {
  std::string actor;
  std::string message;
  bool (*is)(caf::mailbox_element&) = nullptr;
};

std::string name_of(const std::type_info& type) {
  int failed = 0;
  const std::unique_ptr<char, void (*)(void*)> text{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &failed), std::free};
  const std::string full = failed == 0 ? text.get() : type.name();
  return full.substr(full.rfind(':') + 1);
}

template <class T>
bool is_a(caf::mailbox_element& element) {
  auto& all = element.content();
  return all.size() == 1 && all.match_element<T>(0);
}

/// Straight from the interfaces: a message that is added there is tested here.
template <class Interface>
struct messages_of;
template <class... In, class... Out>
struct messages_of<caf::typed_actor<caf::typed_mpi<caf::detail::type_list<In>, Out>...>> {
  static void add(std::vector<handled>& to, const std::string& actor) {
    (to.push_back({actor, name_of(typeid(In)), &is_a<In>}), ...);
  }
};

const std::string peer = "peer p4";

std::vector<handled> everything() {
  std::vector<handled> out;
  messages_of<msg::port_actor>::add(out, "port");
  messages_of<msg::prober_actor>::add(out, "prober");
  messages_of<msg::route_watch_actor>::add(out, "route watch");
  messages_of<msg::wg_device_actor>::add(out, "wireguard device");
  messages_of<msg::control_link_actor>::add(out, "control link");
  messages_of<msg::store_actor>::add(out, "store");
  messages_of<msg::wireguard_writer_actor>::add(out, "wireguard writer");
  messages_of<msg::directory_actor>::add(out, "directory");
  messages_of<msg::nat_actor>::add(out, "nat");
  messages_of<msg::relay_selector_actor>::add(out, "relay selector");
  messages_of<msg::connection_supervisor_actor>::add(out, "connection supervisor");
  messages_of<msg::peer_actor>::add(out, peer);
  return out;
}

enum class when { instead, after };

/// Lets an actor of one member die when a message of that kind comes.
class killer final : public invariants::checker {
 public:
  killer(world& in, member_id whose) : checker(in), in_(in), whose_(whose) {}

  void aim(const handled& at, when how) {
    at_ = at;
    how_ = how;
  }
  bool died() const { return died_; }
  bool is_back() const { return back_; }
  /// Kinds that came since it was aimed at nothing.
  const std::set<std::pair<std::string, std::string>>& came() const { return came_; }
  void list(const std::vector<handled>& all) { all_ = &all; }

  void actor_born(std::uint32_t member, const std::string& name, std::uint64_t actor) override {
    checker::actor_born(member, name, actor);
    if (member != static_cast<std::uint32_t>(whose_)) return;
    names_[actor] = name;
    if (died_ && at_ && name == at_->actor) back_ = true;
  }
  void before_event(time_point due) override {
    checker::before_event(due);
    finish_off();
  }
  void message(std::uint64_t actor, caf::mailbox_element& what) override {
    finish_off();
    checker::message(actor, what);
    const auto known = names_.find(actor);
    if (known == names_.end()) return;
    if (all_)
      for (const auto& each : *all_)
        if (each.actor == known->second && each.is(what)) came_.emplace(each.actor, each.message);
    if (!at_ || died_ || after_ || at_->actor != known->second || !at_->is(what)) return;
    if (how_ == when::after)
      after_ = true;
    else
      died_ = in_.let_die(whose_, at_->actor);
  }

 private:
  void finish_off() {
    if (!std::exchange(after_, false)) return;
    // Some end with their message, as a connection that is closed.
    died_ = true;
    back_ = !in_.let_die(whose_, at_->actor);
  }

  world& in_;
  member_id whose_;
  const std::vector<handled>* all_ = nullptr;
  std::optional<handled> at_;
  when how_ = when::instead;
  bool after_ = false;
  bool died_ = false;
  bool back_ = false;
  std::map<std::uint64_t, std::string> names_;
  std::set<std::pair<std::string, std::string>> came_;
};

/// What happens to p1, whose actors die: p2 and p3 are connected, directly and by a relay, when it
/// begins; p4 comes, goes and comes again.
struct story {
  std::string text; ///< the log
  world w;
  std::vector<relay_number> relays;
  std::vector<member_id> p;
  std::optional<killer> watch;
  std::string invite;
  std::size_t direct = 0; ///< streams of pings
  std::size_t relayed = 0;

  /// `at` dies from the beginning on; else when aimed at.
  explicit story(const handled* at = nullptr, when how = when::instead)
      : w((spdlog::set_level(spdlog::level::off), settings())) {
    w.log().to([this](std::string_view line) { text += line; });
    for (const auto* name : {"relay1", "relay2"})
      relays.push_back(w.add_relay(name));
    const nat_settings boxes[] = {port_restricted(), port_restricted(), symmetric(),
                                  port_restricted()};
    for (std::size_t i = 0; i < std::size(boxes); ++i) {
      const auto name = "p" + std::to_string(i + 1);
      p.push_back(w.add_member(name, w.add_nat("nat-" + name, boxes[i])));
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
    (void)time.ask<msg::done>(r.directory, 1s,
                              msg::party_forget{{}, net::peer_id::parse("nobody").value()});
    (void)time.ask<msg::own_paths>(r.nat, 1s, msg::get_paths{});
    caf::anon_send(r.nat, msg::ports_mapped{});
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
    insist([this] { return w.connect(p[0], "p4", 20s).has_value(); });
    w.run_for(5s);
    w.control().stop();
    w.run_for(2s);
    // Refused, as nobody is there to tell: a new key would end every actor.
    (void)w.actors().ask<msg::key_rotated>(w.roles(p[0]).directory, 1s, msg::rotate_key{});
    w.control().start();
    w.run_for(30s);
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
const kinds at_start{
    {"port", "attach_frames"},          {"route watch", "get_host_addresses"},
    {"route watch", "attach_network"},  {"wireguard device", "ensure_device"},
    {"control link", "attach_control"}, {"wireguard writer", "use_address"},
    {"directory", "attach_directory"},  {"connection supervisor", "attach_events"}};

/// Kinds that this story has no occasion for: p1 would have to leave its last party, to find a
/// direct path before it had a relay, to be on a network with others, and on one without UDP.
const kinds no_occasion{{"control link", "control_close"},
                        {"nat", "nominate_path"},
                        {"directory", "lan_heard"},
                        {"relay selector", "stream_opened"},
                        {"relay selector", "stream_closed"}};

/// One actor, every message, both ways.
void let_die_everywhere(const std::string& actor) {
  for (const auto how : {when::instead, when::after})
    for (const auto& at : everything()) {
      if (at.actor != actor || no_occasion.contains({at.actor, at.message})) continue;
      const bool first = at_start.contains({at.actor, at.message});
      INFO(at.actor << " dies " << (how == when::after ? "after " : "instead of handling ")
                    << at.message);
      story s{first ? &at : nullptr, how};
      if (!first) s.watch->aim(at, how);
      s.play();
      const auto late = [&](std::size_t stream) {
        const auto open = s.w.unanswered(stream);
        return std::count_if(open.begin(), open.end(),
                             [&](const auto& sent) { return s.w.now() - sent > 1s; });
      };
      CHECK(late(s.direct) == 0);
      CHECK(late(s.relayed) == 0);
      if (!s.watch->died()) s.lose_relay();
      s.end_well();
      CHECK(s.watch->died());
      CHECK(s.watch->is_back());
    }
}

} // namespace

TEST_CASE("the story of supervision has an occasion for every message of every actor") {
  const auto all = everything();
  CHECK(all.size() > 70);
  story s;
  s.watch->list(all);
  s.play();
  s.lose_relay();
  s.end_well();
  CHECK(s.w.pings(s.direct).answered > 900);
  for (const auto& each : all) {
    if (at_start.contains({each.actor, each.message})) continue;
    if (no_occasion.contains({each.actor, each.message})) continue;
    INFO(each.actor << " handles " << each.message);
    CHECK(s.watch->came().contains({each.actor, each.message}));
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
