#include "actors/directory/directory_actor.hpp"
#include "messages/error.hpp"
#include "net/control/protocol.hpp"
#include "net/random.hpp"
#include "sim/virtual_time.hpp"
#include "tests/net/control/support.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

using namespace lanrage;
using namespace lanrage::actors;
using namespace std::chrono_literals;
namespace control = net::control;
using net::errc;

namespace {

/// The scripted link and store: they note what they are told.
struct script {
  std::vector<msg::control_open> opens;
  std::vector<msg::control_join> joins;
  std::vector<control::client_message> said;
  int closes = 0;
  std::vector<msg::store_put> stored;
  bool disk_full = false;
  std::vector<msg::directory_event> events;

  template <class T>
  std::size_t count() const {
    std::size_t out = 0;
    for (const auto& each : events)
      out += std::holds_alternative<T>(each.what);
    return out;
  }
};
using shared_script = std::shared_ptr<script>;
struct no_state {};

msg::control_link_actor::behavior_type
scripted_link(msg::control_link_actor::stateful_pointer<no_state>, shared_script s) {
  return {[s](const msg::control_open& m) { s->opens.push_back(m); },
          [s](const msg::control_join& m) { s->joins.push_back(m); },
          [s](const msg::control_say& m) { s->said.push_back(m.message); },
          [s](const msg::control_close&) { ++s->closes; }, [](const msg::attach_control&) {}};
}
msg::store_actor::behavior_type scripted_store(msg::store_actor::stateful_pointer<no_state>,
                                               shared_script s) {
  return {[s](const msg::store_put& m) -> caf::result<msg::done> {
    if (s->disk_full) return msg::to_caf(net::fail(errc::internal, "no space left"));
    s->stored.push_back(m);
    return msg::done{};
  }};
}
msg::directory_sink::behavior_type listener(msg::directory_sink::stateful_pointer<no_state>,
                                            shared_script s) {
  return {[s](const msg::directory_event& m) { s->events.push_back(m); }};
}

constexpr msg::unix_ms epoch{1'769'688'000'000};

struct bench {
  sim::virtual_time v;
  shared_script s = std::make_shared<script>();
  msg::roles roles;
  std::shared_ptr<directory_memory> memory = *load_directory("");
  msg::directory_actor directory;
  net::wg_private_key key =
      net::generate_x25519<net::wg_private_key>(net::seeded_random(1, "alice"));

  bench() {
    roles.control_link = v.own(v.system().spawn(scripted_link, s));
    roles.store = v.own(v.system().spawn(scripted_store, s));
    start();
  }
  void start() {
    directory_actor_settings settings;
    settings.name = *net::peer_id::parse("alice");
    settings.key = key;
    settings.secrets = net::seeded_random(1, "secrets");
    settings.jitter = net::seeded_random(1, "jitter");
    settings.wall = [this] {
      return epoch + std::chrono::duration_cast<msg::unix_ms>(v.now().time_since_epoch());
    };
    directory = v.own(spawn_directory(v.system(), roles, settings, memory));
    v.settle();
  }
  std::string server_line() const {
    control::server_line line;
    line.host = "control.test";
    line.port = 8443;
    return control::to_string(line);
  }
  /// The link comes up; the server knows the parties it was asked for.
  void link_up() {
    const auto& wanted = s->opens.back();
    control::welcome hello;
    for (const auto& p : wanted.parties)
      hello.parties.push_back(
          {p.party, p.create.value_or("p"), net::virtual_ip::derive(p.name, 0), {}, true});
    hear(msg::link_opened{hello, 15ms});
  }
  void hear(decltype(msg::control_heard::what) what) {
    caf::anon_send(directory, msg::control_heard{s->opens.back().attempt, std::move(what)});
    v.settle();
  }
  /// A party made, with the link up.
  msg::invitation make_party() {
    caf::scoped_actor self{v.system()};
    auto pending = self->request(directory, caf::infinite, msg::party_create{"lan", server_line()});
    v.settle();
    link_up();
    msg::invitation out;
    REQUIRE(self->has_next_message());
    pending.receive([&](msg::invitation& made) { out = made; },
                    [](caf::error& why) { FAIL(to_string(msg::from_caf(why))); });
    return out;
  }
  msg::directory_sink subscribe() {
    auto sink = v.own(v.system().spawn(listener, s));
    caf::anon_send(directory, msg::attach_directory{sink});
    v.settle();
    return sink;
  }
};

} // namespace

TEST_CASE("a party made is answered when the server confirmed it, saved before") {
  bench b;
  CHECK(b.s->opens.empty());
  const auto made = b.make_party();
  CHECK(control::parse_invite(made.invite));
  REQUIRE(!b.s->stored.empty());
  CHECK(b.s->stored.back().name == directory_document_name);
  CHECK(parse_directory(b.s->stored.back().text)->parties.size() == 1);
  const auto parties = b.v.ask<std::vector<msg::party_info>>(b.directory, 1s, msg::list_parties{});
  REQUIRE(parties.engaged());
  CHECK((*parties)[0].joined);
}

TEST_CASE(
    "what the disk did not take is not said to be done, holds meanwhile and is stored later") {
  bench b;
  b.make_party();
  b.s->disk_full = true;
  const auto left = b.v.ask<msg::done>(b.directory, 1s, msg::party_leave{"lan"});
  REQUIRE_FALSE(left.engaged());
  CHECK(msg::from_caf(left.error()).code == errc::not_stored);
  CHECK(msg::from_caf(left.error()).detail == "no space left");
  CHECK(parse_directory(b.s->stored.back().text)->parties.at(0).leaving == false);
  b.s->disk_full = false;
  b.v.run_for(1min);
  CHECK(parse_directory(b.s->stored.back().text)->parties.at(0).leaving);
}

TEST_CASE("a party the server never confirms is answered at the deadline with the reason") {
  bench b;
  const auto answer =
      b.v.ask<msg::invitation>(b.directory, 1min, msg::party_create{"lan", b.server_line()});
  REQUIRE_FALSE(answer.engaged());
  CHECK(msg::from_caf(answer.error()).code == errc::timed_out);
  CHECK(b.s->closes >= 1);
}

TEST_CASE("refusals reach the requester as the codes they are") {
  bench b;
  const auto line = b.v.ask<msg::invitation>(b.directory, 1s, msg::party_invite{"lan"});
  REQUIRE_FALSE(line.engaged());
  CHECK(msg::from_caf(line.error()).code == errc::party_not_found);
  const auto bad = b.v.ask<msg::party_info>(b.directory, 1s, msg::party_join{"nonsense"});
  REQUIRE_FALSE(bad.engaged());
  CHECK(msg::from_caf(bad.error()).code == errc::bad_invite);
  const auto nobody = b.v.ask<msg::known_peer>(
      b.directory, 1s, msg::find_peer{std::nullopt, *net::peer_id::parse("bob")});
  REQUIRE_FALSE(nobody.engaged());
  CHECK(msg::from_caf(nobody.error()).code == errc::peer_not_found);
  const auto left = b.v.ask<msg::done>(b.directory, 1s, msg::party_leave{"lan"});
  REQUIRE_FALSE(left.engaged());
  CHECK(msg::from_caf(left.error()).code == errc::party_not_found);
}

TEST_CASE("a full party that is signalled at once is told within two seconds") {
  bench b;
  const auto made = b.make_party();
  const auto before = b.s->said.size();
  for (std::uint32_t n = 0; n < 999; ++n) {
    msg::send_signal signal;
    signal.party = made.party.id;
    signal.to.octets[0] = 9;
    signal.to.octets[1] = static_cast<std::uint8_t>(n >> 8);
    signal.to.octets[2] = static_cast<std::uint8_t>(n);
    caf::anon_send(b.directory, signal);
  }
  b.v.settle();
  const auto burst = std::size_t{config::defaults::control_signals_burst};
  CHECK(b.s->said.size() - before == burst);
  b.v.run_for(2s);
  const auto signals = std::count_if(b.s->said.begin(), b.s->said.end(), [](const auto& m) {
    return std::holds_alternative<control::signal_request>(m);
  });
  CHECK(signals == 999);
}

TEST_CASE("a new subscriber is told everything known, a repeated one is not told twice") {
  bench b;
  b.make_party();
  const auto sink = b.subscribe();
  CHECK(b.s->count<msg::relays_listed>() == 1);
  CHECK(b.s->count<msg::interface_wanted>() == 1);
  CHECK(b.s->count<msg::control_state>() == 1);
  caf::anon_send(b.directory, msg::attach_directory{sink});
  b.v.settle();
  b.s->events.clear();
  b.hear(msg::link_closed{net::fail(errc::closed, "gone")});
  CHECK(b.s->count<msg::control_state>() == 1);
}

TEST_CASE("own paths are published once the party is joined") {
  bench b;
  b.make_party();
  caf::anon_send(
      b.directory,
      msg::own_paths{{}, {{net::candidate_kind::host, *net::endpoint::parse("192.0.2.1:51820")}}});
  b.v.run_for(1s);
  REQUIRE(!b.s->said.empty());
  CHECK(std::holds_alternative<control::publish_request>(b.s->said.back()));
}

TEST_CASE("a lost link is opened again by the shell's own timer") {
  bench b;
  b.make_party();
  b.v.run_for(1min);
  const auto opens = b.s->opens.size();
  b.hear(msg::link_closed{net::fail(errc::closed, "gone")});
  CHECK(b.s->opens.size() == opens);
  b.v.run_for(300ms);
  CHECK(b.s->opens.size() == opens + 1);
}

TEST_CASE("a crashed directory continues from its memory: parties, subscribers, attempts") {
  bench b;
  b.make_party();
  b.subscribe();
  const auto attempt = b.s->opens.back().attempt;
  const auto opens = b.s->opens.size();
  caf::anon_send_exit(b.directory, caf::exit_reason::kill);
  b.v.settle();
  b.s->events.clear();
  b.start();
  REQUIRE(b.s->opens.size() == opens + 1);
  CHECK(b.s->opens.back().attempt > attempt);
  CHECK(b.s->opens.back().parties.size() == 1);
  b.link_up();
  CHECK(b.s->count<msg::control_state>() == 1);
}

TEST_CASE("a memory that cannot be read is refused before anything starts") {
  const auto loaded = load_directory("{");
  REQUIRE(!loaded);
  CHECK(loaded.error().code == errc::bad_state);
}
