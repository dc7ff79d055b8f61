#include "tests/actors/relay/relay_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using net::frame_kind;

namespace {

using ms = std::vector<std::chrono::milliseconds>;

std::vector<net::relay_id> ids(const msg::own_legs& legs) {
  std::vector<net::relay_id> out;
  for (const auto& leg : legs.legs)
    out.push_back(leg.relay);
  return out;
}

msg::relay_ranking rank(relay_lab& w, const std::vector<net::relay_leg>& peer,
                        const std::set<net::relay_id>& excluded = {}) {
  msg::relay_ranking out;
  w.step([&](auto& t, auto& effects) { out = t.rank(peer, w.now, effects, excluded); });
  return out;
}

void trouble(relay_lab& w, std::size_t which) {
  w.step([&](auto& t, auto& out) { t.trouble(w.id(which), w.now, out); });
}

} // namespace

TEST_CASE("a first registration takes two round trips") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(60ms - 1ns);
  CHECK(w.published.empty());
  w.run(1ns);
  REQUIRE(w.published.size() == 1);
  CHECK(w.published[0].second.legs == std::vector<net::relay_leg>{{w.id(0), 30ms}});
  CHECK(w.session(0).registered());
  CHECK(w.news == std::vector<std::string>{"registered with relay1, 30 ms away"});
}

TEST_CASE("a known relay is resumed in one round trip by a new incarnation") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  const auto memory = w.table->memory();
  REQUIRE(memory.listed.has_value());
  w.published.clear();
  w.start_table(memory);
  w.step([&](auto& t, auto& out) { t.listed(*memory.listed, w.now, out); });
  w.run(30ms);
  REQUIRE(w.published.size() == 1);
  CHECK(w.times(0, frame_kind::hello).size() == 1);
}

TEST_CASE("a remembered cookie that no longer counts costs one round trip more") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  const auto memory = w.table->memory();
  w.restart(0);
  w.published.clear();
  w.start_table(memory);
  w.step([&](auto& t, auto& out) { t.listed(*memory.listed, w.now, out); });
  w.run(60ms);
  CHECK(w.published.size() == 1);
}

TEST_CASE("hello is repeated with the wait doubling to its cap") {
  relay_lab w{{15ms}};
  w.relays[0].down = true;
  w.give_list();
  w.run(20s);
  // Three to measure it, and since there is no other, on as long as it takes.
  CHECK(w.times(0, frame_kind::hello) ==
        ms{0ms, 250ms, 750ms, 1750ms, 2000ms, 2500ms, 3500ms, 5500ms, 9500ms, 14500ms, 19500ms});
  w.relays[0].down = false;
  w.run(5s);
  CHECK(w.session(0).registered());
}

TEST_CASE("a relay farther away than the first wait is registered with, and measured right") {
  relay_lab w{{350ms}};
  w.give_list();
  w.run(3s);
  REQUIRE(w.session(0).registered());
  w.run(30s);
  CHECK(w.table->legs().legs.front().rtt == 700ms);
}

TEST_CASE("a lost registration is repeated with a newer timestamp, the wait doubling to its cap") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(29ms); // the challenge is about to arrive
  w.relays[0].lose = 100;
  w.run(20s);
  CHECK(w.times(0, frame_kind::registration) ==
        ms{30ms, 280ms, 780ms, 1780ms, 3780ms, 7780ms, 12780ms, 17780ms});
  std::uint64_t last = 0;
  for (const auto& [when, frame] : w.sent) {
    const auto said = net::decode_registration(*frame.data);
    if (!said) continue;
    CHECK(said->timestamp > last);
    last = said->timestamp;
  }
  w.relays[0].lose = 0;
  w.run(5s);
  CHECK(w.session(0).registered());
}

TEST_CASE("renewals come every fifteen seconds and show no token") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(60s);
  const auto times = w.times(0, frame_kind::registration);
  // Each interval counts from the answer, 30 ms after the request.
  CHECK(times == ms{30ms, 15060ms, 30090ms, 45120ms});
  int shown = 0;
  for (const auto& [when, frame] : w.sent)
    if (const auto said = net::decode_registration(*frame.data))
      shown += static_cast<int>(said->tokens.size());
  CHECK(shown == 1);
  CHECK(w.relays[0].core->count().renewals == 3);
}

TEST_CASE("a new token is shown at once, the old one never again") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  auto list = w.list();
  list.tokens.push_back(w.token(0, party(2)));
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  w.run(30ms);
  CHECK(w.relays[0].core->count().renewals == 1);
  const auto said = net::decode_registration(*w.sent.back().second.data);
  REQUIRE(said.has_value());
  CHECK(said->tokens == std::vector<net::bytes>{w.token(0, party(2))});
}

TEST_CASE("more parties than fit one frame are shown one frame after the other") {
  relay_lab w{{15ms}};
  auto list = w.list();
  for (std::uint8_t n = 2; n <= 9; ++n)
    list.tokens.push_back(w.token(0, party(n)));
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  w.run(1s);
  CHECK(w.times(0, frame_kind::registration) == ms{30ms, 60ms, 90ms});
  auto& core = *w.relays[0].core;
  core.tick({w.now, net::relay::unix_time{1'800'000'001s}});
  CHECK(core.count().parties == 9);
}

TEST_CASE("expired tokens and tokens of others are not shown") {
  relay_lab w{{15ms}};
  auto list = w.list();
  SECTION("expired by our calendar") {
    w.wall_error = 25h;
  }
  SECTION("for another member") {
    w.own = net::generate_x25519<net::wg_private_key>(w.random.source());
  }
  w.start_table();
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  w.run(10s);
  CHECK(w.times(0, frame_kind::registration).empty());
}

TEST_CASE("a relay that restarted empty has us back within three round trips of the renewal") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(10s);
  w.restart(0);
  const auto before = w.published.size();
  w.run(5060ms + 60ms); // renewal at 15.06 s, challenged, registered with the token
  CHECK(w.relays[0].core->count().registrations == 1);
  CHECK(w.published.size() == before); // nobody moved away for it
}

TEST_CASE("a stranger's refusal makes us ask again at once, once") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  w.restart(0);
  const auto hint =
      net::encode(net::refused{net::refusal::unregistered, {}, std::nullopt, false}, nullptr);
  for (int i = 0; i < 100; ++i)
    w.answer(0, hint, 0ns);
  w.run(60ms);
  CHECK(w.relays[0].core->count().registrations == 1);
  CHECK(w.times(0, frame_kind::registration).size() ==
        3); // the first, one with the old cookie, one
  CHECK(w.published.size() == 1);
}

TEST_CASE("forged refusals and challenges of a live relay change nothing") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  for (std::uint8_t code = 1; code <= 6; ++code)
    w.answer(0, net::encode(net::refused{net::refusal{code}, {}, std::nullopt, false}, nullptr),
             0ns);
  for (int i = 0; i < 100; ++i)
    w.answer(0, net::encode(net::challenge{{}, 5}), 0ns);
  w.run(40s);
  CHECK(w.session(0).registered());
  CHECK(w.published.size() == 1);
  CHECK(w.times(0, frame_kind::registration).size() < 12);
}

TEST_CASE("forged challenges cannot make us spin") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1ms);
  w.relays[0].down = true;
  for (int i = 0; i < 1000; ++i)
    w.answer(0, net::encode(net::challenge{{}, 1'800'000'000'000}), i * 100us);
  w.run(200ms);
  CHECK(w.sent.size() <= 8);
}

TEST_CASE("a moved member is known at its new address within two round trips of knowing it") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  w.address.port = 1024;
  w.step([&](auto& t, auto& out) { t.network_changed(w.now, out); });
  w.run(60ms);
  CHECK(w.relays[0].core->count().moved == 1);
  CHECK(w.published.size() == 1);
}

TEST_CASE("three unanswered requests in a row lose a relay, an answer in between does not") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(10s);
  SECTION("renewals") {
    w.relays[0].lose = 2;
    w.run(10s);
    CHECK(w.session(0).registered());
    w.relays[0].down = true;
    w.run(20s);
    CHECK_FALSE(w.session(0).registered());
    CHECK(w.published.back().second.legs.empty());
    CHECK(w.news.back() == "lost relay1");
  }
  SECTION("pings, after somebody's traffic died, within 0.8 s at 30 ms") {
    w.relays[0].down = true;
    trouble(w, 0);
    w.run(110ms + 220ms + 440ms - 1ns); // 2 x 30 + 50, doubling
    CHECK(w.session(0).registered());
    w.run(1ns);
    CHECK_FALSE(w.session(0).registered());
    CHECK(w.published.back().second.legs.empty());
  }
}

TEST_CASE("trouble at a relay that answers is somebody else's") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(10s);
  trouble(w, 0);
  trouble(w, 0);
  w.run(5s);
  CHECK(w.session(0).registered());
  CHECK(w.times(0, frame_kind::ping).size() == 2); // one for its load at the start, one now
  CHECK(w.published.size() == 1);
}

TEST_CASE("a lost relay is asked for as long as it takes and ranks last for a while") {
  relay_lab w{{15ms, 40ms}};
  w.give_list();
  w.run(10s);
  const std::vector<net::relay_leg> peer{{w.id(0), 10ms}, {w.id(1), 10ms}};
  CHECK(rank(w, peer).choices.front().relay == w.id(0));
  w.relays[0].down = true;
  trouble(w, 0);
  w.run(1s);
  CHECK(rank(w, peer).choices.size() == 1);
  w.run(600s);
  w.relays[0].down = false;
  w.run(6s); // the cap of the wait, and two round trips
  REQUIRE(w.session(0).registered());
  REQUIRE(rank(w, peer).choices.size() == 2);

  w.relays[0].down = true; // lost again
  trouble(w, 0);
  w.run(1s);
  w.relays[0].down = false;
  w.run(5s);
  REQUIRE(w.session(0).registered());
  CHECK(rank(w, peer).choices.back().relay == w.id(0)); // trusted again 10 s after the loss
  w.run(5s);
  CHECK(rank(w, peer).choices.front().relay == w.id(0));
}

TEST_CASE("the nearest three of many are registered with, found by racing") {
  relay_lab w{{80ms, 10ms, 60ms, 20ms, 40ms}};
  w.give_list();
  w.run(1s);
  CHECK(ids(w.table->legs()) == std::vector{w.id(1), w.id(3), w.id(4)});
  CHECK(w.times(0, frame_kind::hello) == ms{0ms});
  CHECK(w.times(0, frame_kind::registration).empty());
  CHECK_FALSE(w.session(2).wanted());
}

TEST_CASE("a clearly nearer relay replaces the farthest, a slightly nearer one does not") {
  relay_lab w{{10ms, 20ms, 40ms, 60ms}};
  w.give_list();
  w.run(10s);
  REQUIRE(w.session(2).registered());
  SECTION("clearly") {
    w.relays[3].delay = 30ms; // 60 against 80 ms
    w.run(300s);
    CHECK(w.session(3).registered());
    CHECK_FALSE(w.session(2).wanted());
    CHECK(w.times(2, frame_kind::bye).size() == 1);
    CHECK(w.relays[2].core->count().byes == 1);
  }
  SECTION("slightly") {
    w.relays[3].delay = 36ms; // 72 against 80 ms
    w.run(300s);
    CHECK(w.session(2).registered());
    CHECK_FALSE(w.session(3).wanted());
  }
}

TEST_CASE("a dead relay among many is replaced by the next") {
  relay_lab w{{10ms, 20ms, 40ms, 60ms}};
  w.give_list();
  w.run(10s);
  w.relays[0].down = true;
  w.run(20s);
  CHECK(ids(w.table->legs()) == std::vector{w.id(1), w.id(2), w.id(3)});
}

TEST_CASE("a relay that left the list is left, a new one is joined") {
  relay_lab w{{10ms, 20ms}};
  auto list = w.list();
  list.relays.pop_back();
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  w.run(1s);
  CHECK(ids(w.table->legs()) == std::vector{w.id(0)});
  list = w.list();
  list.relays.erase(list.relays.begin());
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  w.run(1s);
  CHECK(ids(w.table->legs()) == std::vector{w.id(1)});
  CHECK(w.relays[0].core->count().byes == 1);
}

TEST_CASE("ranking adds both legs, breaks ties by id, and leaves out what is excluded") {
  relay_lab w{{10ms, 20ms, 30ms}};
  w.give_list();
  w.run(1s);
  const auto order = [&](const std::vector<net::relay_leg>& peer,
                         const std::set<net::relay_id>& excluded = {}) {
    std::vector<std::pair<net::relay_id, std::chrono::microseconds>> out;
    for (const auto& choice : rank(w, peer, excluded).choices)
      out.emplace_back(choice.relay, choice.rtt);
    return out;
  };
  using expected = decltype(order({}));
  CHECK(order({{w.id(0), 90ms}, {w.id(1), 30ms}, {w.id(2), 5ms}}) ==
        expected{{w.id(2), 65ms}, {w.id(1), 70ms}, {w.id(0), 110ms}});
  CHECK(order({{w.id(0), 90ms}, {w.id(2), 5ms}}, {w.id(2)}) == expected{{w.id(0), 110ms}});
  const auto tied = order({{w.id(0), 40ms}, {w.id(1), 20ms}, {w.id(2), 0ms}});
  CHECK(std::is_sorted(tied.begin(), tied.end()));
  net::relay_id unknown;
  CHECK(order({{unknown, 1ms}}).empty());
  CHECK(order({{w.id(0), -1ms}, {w.id(1), std::chrono::microseconds::max()}}).empty());
  CHECK(rank(w, {{w.id(0), 1ms}}).choices[0].name == "relay1");
  CHECK(rank(w, {{w.id(0), 1ms}}).choices[0].address == w.relays[0].info.address);
}

TEST_CASE("a relay to avoid is never spoken to, nor told, nor ranked") {
  relay_lab w{{10ms, 20ms, 30ms, 40ms}};
  w.start_table({}, {{}, {"relay1"}});
  w.give_list();
  w.run(10min);
  CHECK(ids(w.table->legs()) == std::vector<net::relay_id>{w.id(1), w.id(2), w.id(3)});
  CHECK(std::none_of(w.sent.begin(), w.sent.end(),
                     [&](const auto& each) { return each.second.to == w.relays[0].info.address; }));
  const auto choices = rank(w, {{w.id(0), 1ms}, {w.id(1), 200ms}}).choices;
  REQUIRE(choices.size() == 1);
  CHECK(choices[0].relay == w.id(1));
  CHECK_FALSE(choices[0].pinned);
}

TEST_CASE("a pinned relay is registered with and ranked before nearer ones, while it lives") {
  relay_lab w{{10ms, 20ms, 30ms, 100ms}};
  w.start_table({}, {{"relay4"}, {}});
  w.give_list();
  w.run(10s);
  const auto told = ids(w.table->legs());
  CHECK(std::count(told.begin(), told.end(), w.id(3)) == 1);
  const std::vector<net::relay_leg> peer{{w.id(0), 5ms}, {w.id(3), 5ms}};
  auto choices = rank(w, peer).choices;
  REQUIRE(choices.size() == 2);
  CHECK(choices[0].relay == w.id(3));
  CHECK(choices[0].pinned);
  w.relays[3].down = true;
  w.run(60s);
  choices = rank(w, peer).choices;
  REQUIRE_FALSE(choices.empty());
  CHECK(choices[0].relay == w.id(0));
}

TEST_CASE("a ranking carries the forecast of both legs, and how often the relay was lost") {
  relay_lab w{{10ms, 20ms}};
  w.give_list();
  w.run(10min);
  const std::vector<net::relay_leg> peer{{w.id(0), 7ms}, {w.id(1), 9ms}};
  auto choice = rank(w, peer).choices.at(0);
  CHECK(choice.relay == w.id(0));
  CHECK(choice.forecast.expected == 27ms);
  CHECK(choice.forecast.usual == 27ms);
  CHECK(choice.forecast.jitter == 0ms);
  // One measurement per renewal, however many answers there were.
  CHECK(choice.forecast.samples >= 30);
  CHECK(choice.forecast.samples <= 45);
  CHECK(choice.failures == 0);
  w.relays[0].down = true;
  w.run(60s);
  w.relays[0].down = false;
  w.run(10s);
  for (const auto& each : rank(w, peer).choices)
    if (each.relay == w.id(0)) {
      CHECK(each.failures == 1);
      CHECK(each.forecast.loss_permille > 0);
      CHECK(each.forecast.usual > 27ms);
    }
  w.run(15min);
  for (const auto& each : rank(w, peer).choices)
    CHECK(each.failures == 0);
}

TEST_CASE("without a relay in common we register where the peer is") {
  relay_lab w{{10ms, 20ms, 30ms, 100ms, 110ms}};
  w.give_list();
  w.run(1s);
  const std::vector<net::relay_leg> far{{w.id(3), 5ms}, {w.id(4), 6ms}};
  CHECK(rank(w, far).choices.empty());
  w.run(300ms);
  const auto found = rank(w, far).choices;
  REQUIRE(found.size() == 1);
  CHECK(found[0].relay == w.id(3));
  CHECK(found[0].rtt == 205ms);
  // And none of ours was given up for it.
  CHECK(w.table->legs().legs.size() == 4);

  SECTION("it stays as long as rankings ask for it") {
    for (int i = 0; i < 10; ++i) {
      w.run(500s);
      CHECK(rank(w, far).choices.size() == 1);
    }
  }
  SECTION("and goes when nobody does") {
    w.run(900s);
    CHECK(w.table->legs().legs.size() == 3);
    CHECK(w.relays[3].core->count().byes == 1);
  }
}

TEST_CASE("a detour through what is in common gives way to the peer's nearest relay") {
  relay_lab w{{10ms, 20ms, 30ms, 40ms}};
  w.give_list();
  w.run(1s);
  const std::vector<net::relay_leg> peer{{w.id(3), 5ms}, {w.id(0), 300ms}};
  CHECK(rank(w, peer).choices.front().relay == w.id(0));
  w.run(1s);
  CHECK(rank(w, peer).choices.front().relay == w.id(3));
}

TEST_CASE("routes learnt at one relay are handed to the others and not back") {
  relay_lab w{{10ms, 20ms}};
  // The peer is a second member of the same party, registered with both.
  w.give_list();
  w.run(1s);
  const auto peer = net::generate_x25519<net::wg_private_key>(w.random.source());
  const auto peer_key = net::public_key(peer);
  const net::endpoint there{net::ip_address::v4(0xc6336402), 51820};
  const net::relay::instant when{w.now, net::relay::unix_time{1'800'000'001s}};
  auto& core = *w.relays[0].core;
  const auto hello = core.receive(net::encode(net::hello{peer_key}), {there, 0}, when);
  const auto cookie = net::decode_challenge(hello.payload)->value;
  net::relay_token token;
  token.member = peer_key;
  token.party = party(1);
  token.relay = w.id(0);
  token.expires_unix_s = 1'900'000'000;
  const net::registration said{
      peer_key, cookie, 1'800'000'000'000, {encode(sign(token, w.control))}, {}};
  core.receive(net::encode(said, *net::relay_key(peer, core.key())), {there, 0}, when);
  net::byte_writer initiation;
  initiation.u8(1).zeros(3).raw(index(77).view()).zeros(108);
  const auto mac = net::blake2s_mac(net::wg::mac1_key(net::public_key(w.own)), {initiation.view()});
  initiation.raw(mac.view()).zeros(16);
  REQUIRE(core.receive(initiation.view(), {there, 0}, when).what ==
          net::relay::verdict::action::forward);

  const net::route_claim route{index(77), net::hash_of(peer_key)};
  w.run(15s); // relay1's renewal lists it
  CHECK(w.session(0).listed() == std::vector{route});
  w.run(16s); // relay2's renewal carries it
  CHECK(w.session(1).listed() == std::vector{route});
  CHECK(w.session(1).learnt().empty());
  w.run(300s); // unused at both: gone from both, not kept alive by us
  w.relays[0].core->tick({w.now, net::relay::unix_time{1'800'000'331s}});
  w.relays[1].core->tick({w.now, net::relay::unix_time{1'800'000'331s}});
  w.run(32s);
  CHECK(w.session(0).listed().empty());
  CHECK(w.session(1).listed().empty());
}

TEST_CASE("an index that one relay refuses is claimed when another knows it") {
  relay_lab w{{10ms, 200ms}};
  w.give_list();
  w.run(1s);
  // relay1 holds a route for us, as after a handshake through it.
  const net::member_hash peer{{1, 2, 3}};
  const auto key = *net::relay_key(w.own, w.relays[0].info.key);
  w.relays[0].lose = 1;
  w.run(14'045ms); // a renewal to relay1 is in flight, and lost
  std::uint64_t timestamp = 0;
  for (const auto& [when, frame] : w.sent)
    if (frame.to == w.relays[0].info.address)
      if (const auto said = net::decode_registration(*frame.data)) timestamp = said->timestamp;
  w.relays[0].lose = 100;
  w.answer(0, net::encode(net::registered{timestamp, 300s, w.address, {{index(5), peer}}}, key),
           1ms);
  w.run(2ms);
  REQUIRE(w.session(0).listed().size() == 1);

  net::byte_writer data;
  data.u8(4).zeros(3).raw(index(5).view()).zeros(24);
  w.send_wireguard(1, data.take());
  w.run(650ms); // refused after one round trip, claimed in the next
  CHECK(w.relays[1].core->count().unknown_index == 1);
  CHECK(w.relays[1].core->count().routes_claimed == 1);
}

TEST_CASE("a clock that is wrong is put right by the relay's") {
  relay_lab w{{15ms}};
  SECTION("years behind") {
    w.wall_error = -100'000h;
  }
  SECTION("ahead by more than a relay accepts") {
    w.wall_error = 20h;
  }
  w.start_table();
  w.give_list();
  w.run(1s);
  CHECK(w.session(0).registered());
  CHECK(w.relays[0].core->count().stale == 0);
}

TEST_CASE("an earlier self that was ahead of the relay's clock is overtaken") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  // The same member registered with a timestamp 9 minutes ahead, and forgot it.
  const auto key = *net::relay_key(w.own, w.relays[0].info.key);
  const net::relay::instant when{w.now, net::relay::unix_time{1'800'000'001s}};
  auto& core = *w.relays[0].core;
  const auto hello =
      core.receive(net::encode(net::hello{net::public_key(w.own)}), {w.address, 0}, when);
  const auto cookie = net::decode_challenge(hello.payload)->value;
  core.receive(
      net::encode(
          net::registration{net::public_key(w.own), cookie, 1'800'000'000'000 + 530'000, {}, {}},
          key),
      {w.address, 0}, when);
  REQUIRE(core.count().renewals == 1);
  w.start_table();
  w.give_list();
  w.run(2s);
  CHECK(w.session(0).registered());
  CHECK(core.count().stale >= 1);
  CHECK(core.count().stale <= 10);
}

TEST_CASE("a token the relay does not accept is not shown again until the list is new") {
  relay_lab w{{15ms}};
  auto list = w.list();
  list.tokens[0].back() ^= 1;
  w.step([&](auto& t, auto& out) { t.listed(list, w.now, out); });
  w.run(60s);
  CHECK(w.times(0, frame_kind::registration).size() == 1);
  CHECK(w.news == std::vector<std::string>{"relay1 does not accept our token"});
  w.give_list();
  w.run(1s);
  CHECK(w.session(0).registered());
}

TEST_CASE("nothing is sent twice as often because time passed in one jump") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  w.events.clear();
  w.now += 1h; // a suspended laptop
  const auto before = w.sent.size();
  w.step([&](auto& t, auto& out) { t.tick(w.now, out); });
  CHECK(w.sent.size() - before <= 2);
  w.run(1s);
  CHECK(w.session(0).registered());
}
