// Faults of a member's WireGuard, disk and calendar, and of servers, seen from where they are put
// in.
#include "net/control/invite.hpp"
#include "net/crypto.hpp"
#include "net/random.hpp"
#include "tests/sim/faults/bare_stage.hpp"

#include <spdlog/spdlog.h>

using namespace lanrage;
using namespace lanrage::sim;
using lanrage::test::bare_stage;
using namespace std::chrono_literals;

namespace {

std::string on_alice(const std::string& kind, const std::string& arguments = "") {
  return "kind = \"" + kind + "\"\non = \"alice\"\nstart = \"11s\"\nend = \"13s\"\n" + arguments;
}
std::string moment(const std::string& kind, const std::string& on,
                   const std::string& arguments = "") {
  return "kind = \"" + kind + "\"\non = \"" + on + "\"\nstart = \"11s\"\n" + arguments;
}

/// With an interface and two peers.
void set_up(machine& host) {
  REQUIRE(host.ensure(net::virtual_ip::parse("10.66.1.2").value()).has_value());
  for (std::uint8_t i = 1; i <= 2; ++i) {
    net::wg::change add;
    add.kind = net::wg::change_kind::put;
    add.key.octets.fill(i);
    add.address = net::virtual_ip::parse("10.66.2." + std::to_string(i + 2)).value();
    add.where = net::endpoint{net::ip_address::v4(0xc6120009), 51'820};
    REQUIRE(host.apply({add}).has_value());
  }
}

std::vector<net::wg::peer_state> peers(machine& host) {
  return host.observe().value().seen.peers;
}

} // namespace

TEST_CASE("calls about WireGuard fail as the fault says, and work again") {
  for (const auto& [how, code] :
       {std::pair{"EBUSY", net::errc::wg_refused}, std::pair{"ENODEV", net::errc::wg_unavailable},
        std::pair{"EPERM", net::errc::not_permitted}, std::pair{"ENOSPC", net::errc::wg_refused}}) {
    bare_stage on{on_alice("wg-refuses", "share = \"100%\"\ncall = \"apply\"\nhow = \"" +
                                             std::string{how} + "\"\n")};
    auto& host = on.alice_machine();
    on.run(12s);
    const auto why = host.next_failure(device_call::apply);
    REQUIRE(why.has_value());
    CHECK(why->code == code);
    CHECK(!host.next_failure(device_call::observe));
    CHECK(!on.w.on(on.bob_id()).next_failure(device_call::apply));
    on.run(14s);
    CHECK(!host.next_failure(device_call::apply));
  }
}

TEST_CASE("calls take longer, dumps leave peers out, answers are lost") {
  {
    bare_stage on{on_alice("wg-slow", "by = \"3s\"\n")};
    const auto usual = on.alice_machine().takes(device_call::apply);
    on.run(12s);
    CHECK(on.alice_machine().takes(device_call::apply) == usual + 3s);
    on.run(14s);
    CHECK(on.alice_machine().takes(device_call::apply) == usual);
  }
  {
    bare_stage on{on_alice("wg-partial", "share = \"100%\"\n")};
    set_up(on.alice_machine());
    CHECK(peers(on.alice_machine()).size() == 2);
    on.run(12s);
    CHECK(peers(on.alice_machine()).empty());
    on.run(14s);
    CHECK(peers(on.alice_machine()).size() == 2);
  }
  {
    bare_stage on{on_alice("wg-ambiguous", "share = \"100%\"\n")};
    auto& host = on.alice_machine();
    on.run(12s);
    REQUIRE(host.faults != nullptr);
    CHECK(host.faults->loses_answer(host, device_call::apply).has_value());
    CHECK(!host.faults->loses_answer(host, device_call::observe).has_value());
    on.run(14s);
    CHECK(!host.faults->loses_answer(host, device_call::apply).has_value());
  }
}

TEST_CASE("somebody else deletes the interface, edits a peer, moves an endpoint") {
  const auto after = [](const std::string& fault, auto look) {
    bare_stage on{fault};
    set_up(on.alice_machine());
    const auto before = peers(on.alice_machine());
    on.run(12s);
    CHECK(on.fired() > 0);
    look(on.alice_machine(), before);
  };
  after(on_alice("wg-deleted"), [](machine& host, const auto&) { CHECK(!host.wireguard()); });
  after(on_alice("wg-edited", "how = \"remove\"\n"),
        [](machine& host, const auto&) { CHECK(peers(host).size() == 1); });
  after(on_alice("wg-edited", "how = \"address\"\n"), [](machine& host, const auto& before) {
    const auto now = peers(host);
    CHECK((now[0].allowed_ips != before[0].allowed_ips) !=
          (now[1].allowed_ips != before[1].allowed_ips));
  });
  after(on_alice("wg-edited", "how = \"keepalive\"\n"), [](machine& host, const auto& before) {
    const auto now = peers(host);
    CHECK(now[0].keepalive + now[1].keepalive == before[0].keepalive + before[1].keepalive + 7s);
    CHECK(now[0].allowed_ips == before[0].allowed_ips);
  });
  after(on_alice("wg-roamed"), [](machine& host, const auto& before) {
    const auto now = peers(host);
    CHECK((now[0].where != before[0].where) != (now[1].where != before[1].where));
  });
  // Again and again, until it ends.
  bare_stage on{on_alice("wg-deleted", "every = \"300ms\"\n")};
  for (int i = 0; i < 40; ++i)
    on.w.plan().at(time_point{10s + 100ms * i},
                   [&on] { (void)on.alice_machine().ensure(net::virtual_ip{}); });
  on.run(20s);
  CHECK(on.fired() == 7);
  CHECK(on.alice_machine().wireguard() != nullptr);
}

TEST_CASE("nothing can be stored on a disk that is full, read-only or writes half") {
  for (const auto& [kind, arguments] : {std::pair{"disk-full", ""}, std::pair{"read-only", ""},
                                        std::pair{"short-write", "share = \"100%\"\n"}}) {
    INFO(kind);
    bare_stage on{on_alice(kind, arguments)};
    auto& host = on.alice_machine();
    on.run(12s);
    REQUIRE(host.faults != nullptr);
    const auto why = host.faults->on_store(host, "peers.json");
    REQUIRE(why.has_value());
    CHECK(why->detail.find("peers.json: ") == 0);
    on.run(14s);
    CHECK(!host.faults->on_store(host, "peers.json"));
  }
}

TEST_CASE("what was stored before power failed is not there after it") {
  bare_stage on{on_alice("lost-rename")};
  auto& host = on.alice_machine();
  host.documents["peers.json"] = "old";
  on.w.plan().at(time_point{12s}, [&] { host.documents["peers.json"] = "new"; });
  on.run(20s);
  CHECK(host.documents["peers.json"] == "old");
  CHECK(on.calls == std::vector<std::string>{"13000 kill", "13000 start", "13000 join"});
}

TEST_CASE("a daemon starts with a damaged file or an old one; a refused one is put aside") {
  const std::string text = "{\"v\":1,\"parties\":[]}";
  for (const auto* kind : {"bit-flip", "old-state"}) {
    INFO(kind);
    bare_stage on{moment(kind, "alice", "document = \"directory.json\"\n")};
    auto& host = on.alice_machine();
    host.documents["directory.json"] = text;
    on.run(20s);
    CHECK(host.documents["directory.json"].size() == text.size());
    CHECK(host.documents["directory.json"] != text);
    CHECK(on.calls == std::vector<std::string>{"11000 kill", "11000 start", "11000 join"});
    bare_stage refusing{moment(kind, "alice", "document = \"directory.json\"\n")};
    refusing.refuses_start = true;
    refusing.alice_machine().documents["directory.json"] = text;
    refusing.run(20s);
    CHECK(refusing.alice_machine().documents.empty());
  }
}

TEST_CASE("a daemon is killed and started, with what it saved or without") {
  for (const bool memory : {true, false}) {
    bare_stage on{
        on_alice("daemon-restart", std::string{"memory = "} + (memory ? "true\n" : "false\n"))};
    on.alice_machine().documents["peers.json"] = "x";
    on.run(20s);
    CHECK(on.alice_machine().documents.contains("peers.json") == memory);
    // Also with its files: the disk may have taken none since it joined.
    CHECK(on.calls == std::vector<std::string>{"11000 kill", "13000 start", "13000 join"});
  }
}

TEST_CASE("the calendar is wrong for a while") {
  bare_stage on{on_alice("wall-step", "by = \"1h\"\nback = true\n")};
  on.run(12s);
  CHECK(on.alice_machine().wall_offset() == -1h);
  on.run(14s);
  CHECK(on.alice_machine().wall_offset() == 0s);
}

TEST_CASE("relays go and come, forget and move") {
  {
    bare_stage on{"kind = \"relay-down\"\non = \"relay1\"\nstart = \"11s\"\nend = \"13s\"\n"};
    on.run(12s);
    CHECK(!on.relay_site().running());
    on.run(14s);
    CHECK(on.relay_site().running());
  }
  {
    bare_stage on{moment("relay-forgets", "relay1")};
    on.alice_to_relay(1, 10s);
    on.run(10'500ms);
    CHECK(on.relay_site().count()->datagrams == 1);
    on.run(12s);
    CHECK(on.relay_site().running());
    CHECK(on.fired() == 1);
    CHECK(on.relay_site().count()->datagrams == 0); // another core
  }
  {
    bare_stage on{moment("relay-moves", "relay1")};
    const auto before = on.relay_site().info().address;
    on.run(12s);
    CHECK(!on.relay_site().running());
    on.run(14s);
    CHECK(on.relay_site().running());
    CHECK(on.relay_site().info().address != before);
    CHECK(on.w.control().relays().front().address == on.relay_site().info().address);
  }
}

TEST_CASE("the list of relays lies while it should") {
  for (const auto* how : {"dead", "twice", "empty"}) {
    INFO(how);
    bare_stage on{
        "kind = \"relay-list\"\non = \"relay1\"\nstart = \"11s\"\nend = \"13s\"\nhow = \"" +
        std::string{how} + "\"\n"};
    const auto honest = on.w.control().relays();
    on.run(12s);
    const auto now = on.w.control().relays();
    CHECK(now != honest);
    if (std::string{how} == "dead") CHECK(now.front().key == honest.front().key);
    CHECK(now.size() == (std::string{how} == "dead" ? 1 : std::string{how} == "twice" ? 2 : 0));
    on.run(14s);
    CHECK(on.w.control().relays() == honest);
  }
}

TEST_CASE("the control server is off, and keeps what it stored") {
  bare_stage on{"kind = \"control-down\"\non = \"control\"\nstart = \"11s\"\nend = \"13s\"\n"};
  on.run(12s);
  CHECK(!on.w.control().running());
  on.run(14s);
  CHECK(on.w.control().running());
}

namespace {

/// Alice's daemon makes a party; the test speaks to the control server from bob's machine.
struct with_party {
  bare_stage on;
  net::control::invite invite;
  std::vector<std::pair<duration, control_news>> heard;
  std::uint64_t connection = 0;

  explicit with_party(const std::string& fault) : on(fault) {
    on.w.start(on.alice_id());
    const auto made = on.w.create_party(on.alice_id(), "friends");
    REQUIRE(made.has_value());
    on.invited = {made->invite};
    invite = net::control::parse_invite(made->invite).value();
  }
  net::party_id party() const { return net::id_of(invite.secret); }
  void open(duration when) {
    on.w.plan().at(time_point{when}, [this] {
      msg::control_open wanted;
      wanted.server = invite.server;
      wanted.parties.push_back({party(), net::peer_id::parse("bob").value(),
                                net::verifier_of(invite.secret), std::nullopt});
      const auto key =
          net::generate_x25519<net::wg_private_key>(net::seeded_random(7, "test's bob"));
      connection = on.w.control().open(on.bob(), key, wanted, [this](const control_news& news) {
        heard.emplace_back(on.w.now().time_since_epoch(), news);
      });
    });
  }
  const msg::link_opened* welcome() const {
    return heard.empty() ? nullptr : std::get_if<msg::link_opened>(&heard.front().second);
  }
};

std::string on_bob(const std::string& kind, const std::string& arguments = "") {
  return "kind = \"" + kind + "\"\non = \"bob\"\nstart = \"11s\"\nend = \"30s\"\n" + arguments;
}

} // namespace

TEST_CASE("what the control server says comes late, twice, of another party, or old") {
  spdlog::set_level(spdlog::level::off);
  duration usual{};
  {
    with_party p{on_bob("control-late", "by = \"0s\"\n")};
    p.open(12s);
    p.on.run(40s);
    REQUIRE(p.welcome());
    usual = p.heard.front().first;
  }
  {
    with_party p{on_bob("control-late", "by = \"2s\"\n")};
    p.open(12s);
    p.on.run(40s);
    REQUIRE(p.welcome());
    CHECK(p.heard.front().first == usual + 2s);
  }
  {
    with_party p{on_bob("control-shuffle", "share = \"100%\"\nby = \"1s\"\n")};
    p.open(12s);
    p.on.run(40s);
    CHECK(p.on.fired() > 0);
    CHECK((p.heard.size() > 1 || p.heard.front().first > usual));
  }
  {
    with_party p{on_bob("wrong-party", "share = \"100%\"\n")};
    p.open(10s); // before it, so that what comes later is about the party
    p.on.w.plan().at(time_point{12s}, [&] { p.on.w.kill(p.on.alice_id()); });
    p.on.run(20s);
    CHECK(p.on.fired() > 0);
    bool wrong = false;
    for (const auto& [at, news] : p.heard)
      if (const auto* said = std::get_if<net::control::server_message>(&news))
        if (const auto* gone = std::get_if<net::control::presence_changed>(said))
          wrong = wrong || gone->party != p.party();
    CHECK(wrong);
  }
  {
    with_party p{on_bob("stale-record")};
    p.open(5s);
    // Another address of alice's: she publishes a new record.
    p.on.w.plan().at(time_point{15s}, [&] { p.on.w.move(p.on.alice_id(), p.on.box()); });
    p.on.run(29s);
    CHECK(p.on.fired() > 0);
  }
}

TEST_CASE("strangers with the invite join at once and leave in the end, a name twice is refused") {
  spdlog::set_level(spdlog::level::off);
  with_party p{
      "kind = \"join-storm\"\non = \"control\"\nstart = \"11s\"\nend = \"13s\"\ncount = 30\n"};
  const auto* registry = p.on.w.control().registry();
  const auto before = registry->members();
  p.on.run(12s);
  CHECK(registry->members() == before + 30);
  p.on.run(20s);
  CHECK(registry->members() == before);

  with_party q{on_alice("same-name")};
  const auto known = q.on.w.control().registry()->sessions();
  q.on.run(12s);
  CHECK(q.on.fired() == 1);
  CHECK(q.on.w.control().registry()->sessions() == known); // the name is another member's
  q.on.run(20s);
  CHECK(q.on.w.control().registry()->sessions() == known);
}

TEST_CASE("a member leaves and joins again, or replaces its key") {
  bare_stage on{on_alice("peer-removed")};
  on.w.start(on.alice_id());
  on.run(20s);
  CHECK(on.calls == std::vector<std::string>{"11000 leave", "13000 join"});
  bare_stage rotated{moment("key-rotated", "alice")};
  rotated.run(20s);
  CHECK(rotated.calls == std::vector<std::string>{"11000 rotate"});
  CHECK(rotated.fired() == 1);
}
