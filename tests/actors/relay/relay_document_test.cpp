#include "actors/relay/relay_document.hpp"
#include "tests/actors/relay/relay_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;

namespace {

/// Two relays that are known well, with the list that names them.
relay_table_memory learnt() {
  relay_lab w{{15ms, 20ms}};
  w.give_list();
  w.run(1s);
  return w.table->memory();
}

} // namespace

TEST_CASE("what is remembered of relays comes back as it went") {
  auto all = worth_saving(learnt());
  REQUIRE(all.relays.size() == 2);
  CHECK(all.relays.begin()->second.rtt);
  for (const bool blocked : {false, true}) {
    all.udp_blocked = blocked;
    const auto read = parse_relays(to_text(all));
    REQUIRE(read.has_value());
    CHECK(read->relays == all.relays);
    CHECK(read->udp_blocked == blocked);
  }
  CHECK(parse_relays("")->relays.empty());
  CHECK(parse_relays(to_text(remembered_relays{}))->relays.empty());
}

TEST_CASE("only listed relays with a cookie are worth saving") {
  auto memory = learnt();
  memory.relays.begin()->second.cookie.reset();
  CHECK(worth_saving(memory).relays.size() == 1);
  memory.listed->relays.clear();
  CHECK(worth_saving(memory).relays.empty());
  memory.listed.reset();
  CHECK(worth_saving(memory).relays.empty());
}

TEST_CASE("a saved relay is resumed in one round trip by a new process") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  const auto text = to_text(worth_saving(w.table->memory()));
  w.run(10min); // renewals go on, the text is as old as its cookie
  w.published.clear();
  relay_table_memory restored;
  restored.relays = parse_relays(text).value().relays;
  w.start_table(restored);
  w.give_list();
  w.run(30ms);
  REQUIRE(w.published.size() == 1);
  CHECK(w.published[0].second.legs == std::vector<net::relay_leg>{{w.id(0), 30ms}});
  CHECK(w.times(0, net::frame_kind::hello).size() == 1); // the first start's
}

TEST_CASE("a saved relay that forgot us, or sees us elsewhere, costs one round trip more") {
  relay_lab w{{15ms}};
  w.give_list();
  w.run(1s);
  relay_table_memory restored;
  restored.relays = parse_relays(to_text(worth_saving(w.table->memory()))).value().relays;
  w.published.clear();
  if (GENERATE(true, false))
    w.restart(0);
  else
    w.address.port = 4711;
  w.start_table(restored);
  w.give_list();
  w.run(60ms);
  CHECK(w.published.size() == 1);
}

TEST_CASE("a document about relays that cannot be trusted is refused with its place") {
  const auto good = to_text(worth_saving(learnt()));
  const auto broken = [&](const std::string& from, const std::string& to) {
    auto text = good;
    const auto where = text.find(from);
    REQUIRE(where != std::string::npos);
    text.replace(where, from.size(), to);
    const auto read = parse_relays(text);
    REQUIRE(read.has_error());
    CHECK(read.error().code == net::errc::bad_state);
    return read.error().detail;
  };
  CHECK(broken("\"v\":1", "\"v\":2").find("'v'") != std::string::npos);
  CHECK(broken("\"cookie\":\"", "\"cookie\":\"AAAA").find("cookie") != std::string::npos);
  CHECK(broken("\"relay\":\"", "\"relay\":\"!").find("relay") != std::string::npos);
  CHECK(broken("\"timestamp\":", "\"timestamp\":-").find("timestamp") != std::string::npos);
  CHECK(broken("\"rtt_us\":", "\"rtt_us\":99999").find("rtt_us") != std::string::npos);
  for (const auto* text :
       {"null", "[]", "{", "{\"v\":1}", "{\"v\":1,\"relays\":{}}", "{\"v\":1,\"relays\":[3]}",
        "\xff\xfe", "{\"v\":1,\"relays\":[],\"udp_blocked\":1}"})
    CHECK(parse_relays(text).has_error());
}

TEST_CASE("no mutilation of the relays' document crashes its reader") {
  const auto good = to_text(worth_saving(learnt()));
  lanrage::test::splitmix random{20'260'129};
  for (int i = 0; i < 5'000; ++i) {
    auto text = good;
    for (auto n = random.next() % 4; n-- > 0;)
      text[random.next() % text.size()] = static_cast<char>(random.next() % 256);
    if (random.next() % 3 == 0) text.resize(random.next() % text.size());
    const auto read = parse_relays(text);
    if (!read) CHECK(read.error().code == net::errc::bad_state);
  }
}
