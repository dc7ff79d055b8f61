#include "tests/actors/nat/survey_bench.hpp"

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using net::nat_behavior;
using namespace std::chrono_literals;
namespace defaults = config::defaults;

namespace {

constexpr auto ei = nat_behavior::endpoint_independent;
constexpr auto ad = nat_behavior::address_dependent;
constexpr auto apd = nat_behavior::address_and_port_dependent;

sim::nat_settings behaves(nat_behavior mapping, nat_behavior filtering) {
  sim::nat_settings out;
  out.mapping = mapping;
  out.filtering = filtering;
  return out;
}

} // namespace

TEST_CASE("every kind of NAT is named by RFC 5780's tests", "[nat][survey]") {
  for (const auto mapping : {ei, ad, apd})
    for (const auto filtering : {ei, ad, apd}) {
      CAPTURE(net::to_string(mapping), net::to_string(filtering));
      survey_bench b{behaves(mapping, filtering)};
      b.start();
      const auto seen = b.paths();
      CHECK(seen.nat.translated);
      CHECK(seen.nat.mapping == mapping);
      CHECK(seen.nat.filtering == filtering);
      CHECK(seen.details.ports_preserved == false);
      CHECK(seen.details.port_delta == 0);
      CHECK(seen.details.hairpin == false);
    }
}

TEST_CASE("the names that people know follow from both behaviours", "[nat][survey]") {
  const auto name = [](sim::nat_settings how) {
    survey_bench b{how};
    b.start();
    return net::classic_name(b.paths().nat);
  };
  CHECK(name(sim::full_cone()) == "full cone");
  CHECK(name(sim::address_restricted()) == "address-restricted");
  CHECK(name(sim::port_restricted()) == "port-restricted");
  CHECK(name(sim::symmetric()) == "symmetric");
  CHECK(name(sim::udp_blocked()) == "unknown");
}

TEST_CASE("one liar among three servers changes no verdict, in whatever order they answer",
          "[nat][survey]") {
  for (const auto mapping : {ei, ad, apd})
    for (const auto filtering : {ei, ad, apd})
      for (std::size_t liar = 0; liar < 3; ++liar)
        for (const int more : {1, 1'000}) {
          CAPTURE(net::to_string(mapping), net::to_string(filtering), liar, more);
          survey_bench honest{behaves(mapping, filtering), stun_servers(3)};
          honest.start();
          auto some = stun_servers(3);
          some[liar].says_more = more;
          survey_bench b{behaves(mapping, filtering), some};
          b.start();
          CHECK(b.paths().nat == honest.paths().nat);
          CHECK(b.paths().nat.mapping == mapping);
          CHECK(b.paths().nat.filtering == filtering);
          if (mapping != ei) continue; // there each server has a port of its own to name
          CHECK(b.paths().candidates == honest.paths().candidates);
          CHECK(b.paths().details == honest.paths().details);
        }
}

TEST_CASE("with two servers a liar looks like a symmetric NAT", "[nat][survey]") {
  auto some = stun_servers(2);
  some[1].says_more = 1;
  survey_bench b{sim::port_restricted(), some};
  b.start();
  CHECK(net::classic_name(b.paths().nat) == "symmetric");
}

TEST_CASE("one server that hides the answers of its other address is outvoted", "[nat][survey]") {
  for (const auto filtering : {ei, ad, apd})
    for (std::size_t liar = 0; liar < 3; ++liar) {
      CAPTURE(net::to_string(filtering), liar);
      auto some = stun_servers(3);
      some[liar].hides = true;
      survey_bench b{behaves(ei, filtering), some};
      b.start();
      CHECK(b.paths().nat.filtering == filtering);
      b.run(2 * defaults::stun_refresh);
      CHECK(b.paths().nat.filtering == filtering);
    }
}

TEST_CASE("servers that lie for a while are believed again", "[nat][survey]") {
  auto how = sim::port_restricted();
  how.lifetime = 1h; // the same mapping in every round
  survey_bench b{how, stun_servers(3)};
  b.start();
  const auto before = b.paths();
  for (auto& each : b.all)
    each.says_more = each.main == b.all[0].main ? 5 : 0;
  b.run(defaults::stun_refresh + 6s);
  CHECK(b.paths().candidates == before.candidates);
  CHECK(b.paths().nat == before.nat);
  b.all[0].says_more = 0;
  b.all[2].says_more = 9;
  b.run(defaults::stun_refresh);
  CHECK(b.paths().candidates == before.candidates);
  CHECK(b.paths().nat == before.nat);
}

TEST_CASE("the same is found again in later rounds", "[nat][survey]") {
  for (const auto filtering : {ei, ad, apd}) {
    survey_bench b{behaves(ei, filtering)};
    b.start();
    for (int round = 0; round < 4; ++round) {
      b.run(defaults::stun_refresh + 6s);
      CHECK(b.paths().nat.filtering == filtering);
      CHECK(b.paths().nat.mapping == ei);
    }
  }
}

TEST_CASE("the addresses that test the filter never hear from us", "[nat][survey]") {
  for (const int count : {2, 3}) {
    survey_bench b{sim::port_restricted(), stun_servers(count)};
    b.start();
    b.run(3 * defaults::stun_refresh);
    for (const auto& each : b.all) {
      CHECK(b.asked.count(each.other) == 0);
      CHECK(b.asked.count({each.main.address, each.other.port}) == 0);
      CHECK(b.asked.count({each.other.address, each.main.port}) == 0);
    }
  }
  survey_bench b{sim::symmetric()};
  b.start();
  CHECK(b.asked.count(at("203.0.113.13:51821")) == 0);
  CHECK(b.asked.count(at("203.0.113.3:51821")) == 0);
  CHECK(b.asked.count(at("203.0.113.13:51820")) == 0);
}

TEST_CASE("one server with two addresses is enough to tell cone from symmetric", "[nat][survey]") {
  const std::vector<stun_server> one{{at("203.0.113.3:51820"), at("203.0.113.13:51821")}};
  survey_bench cone{sim::port_restricted(), one};
  cone.start();
  CHECK(cone.paths().nat.mapping == ei);
  CHECK(cone.paths().nat.filtering == apd);
  survey_bench symmetric{sim::symmetric(), one};
  symmetric.start();
  CHECK(symmetric.paths().nat.mapping == ad); // at least
  CHECK(symmetric.paths().nat.filtering == apd);
}

TEST_CASE("without a second address filtering stays unknown", "[nat][survey]") {
  survey_bench b{sim::port_restricted(),
                 {{at("203.0.113.3:51820"), {}, false}, {at("203.0.113.4:51820"), {}, false}}};
  b.start();
  CHECK(b.paths().nat.mapping == ei);
  CHECK(b.paths().nat.filtering == nat_behavior::unknown);
  CHECK(net::classic_name(b.paths().nat) == "cone");
}

TEST_CASE("preserved ports and hairpinning are seen", "[nat][survey]") {
  auto how = sim::port_restricted();
  how.preserve_ports = true;
  how.hairpin = true;
  survey_bench b{how};
  b.start();
  CHECK(b.paths().details.ports_preserved == true);
  CHECK(b.paths().details.port_delta == 0); // the pattern is our own ports'
  CHECK(b.paths().details.hairpin == true);
}

TEST_CASE("a sequential NAT's next ports are offered, and a drawing one's are not",
          "[nat][survey]") {
  survey_bench b{sim::symmetric_sequential()};
  b.start();
  const auto seen = b.paths();
  REQUIRE(seen.details.port_delta == 1);
  // The next new flow is among the candidates.
  net::endpoint next{host.address, 61'200};
  auto elsewhere = at("192.0.2.77:1000");
  REQUIRE(b.box.outward(next, elsewhere, b.now) == sim::drop_cause::none);
  const net::candidate wanted{net::candidate_kind::server_reflexive, next};
  CHECK(std::count(seen.candidates.begin(), seen.candidates.end(), wanted) == 1);
  CHECK(seen.candidates.size() <= net::candidates_max);

  survey_bench random{sim::symmetric()};
  random.start();
  CHECK(random.paths().candidates.size() == 2); // host and one reflexive
}

TEST_CASE("a prediction is renewed for a new peer, but not without end", "[nat][survey]") {
  survey_bench b{sim::symmetric_sequential()};
  b.start();
  const auto before = b.paths().candidates;
  for (int i = 0; i < 20; ++i) { // others use the NAT, too
    net::endpoint flow{host.address, static_cast<std::uint16_t>(20'000 + i)};
    auto elsewhere = at("192.0.2.77:1000");
    REQUIRE(b.box.outward(flow, elsewhere, b.now) == sim::drop_cause::none);
  }
  b.core.predict(b.now, b.out);
  b.run(1s);
  CHECK(b.paths().candidates != before);
  b.run(3s);
  const auto sent = b.sent;
  for (int i = 0; i < 100; ++i) {
    b.core.predict(b.now, b.out);
    b.run(1s);
  }
  CHECK(b.sent - sent <= 3u * defaults::port_samples + 20u); // one round of refresh is in it
}

TEST_CASE("a mapped port is offered once a server reached it from outside", "[nat][survey]") {
  auto how = sim::port_restricted();
  survey_bench b{how};
  b.start();
  const net::endpoint outside{outer, 51'999};
  b.core.mapped_ports({{"PCP", outside}}, b.now, b.out);
  b.run(6s);
  const net::candidate open{net::candidate_kind::server_reflexive, outside};
  const auto offered = [&] {
    const auto seen = b.paths().candidates;
    return std::count(seen.begin(), seen.end(), open) == 1;
  };
  CHECK_FALSE(offered()); // nothing forwards it
  CHECK(b.paths().details.port_mapped.empty());
  // Another public address than the world sees: a second NAT is in the way.
  b.core.mapped_ports({{"UPnP", at("100.64.0.9:51999")}}, b.now, b.out);
  b.run(6s);
  CHECK(b.paths().details.port_mapped.empty());
}

TEST_CASE("answers from elsewhere, late, twice or of another transaction change nothing",
          "[nat][survey]") {
  gather core{51820, seeded(1)};
  nat_effects out;
  auto now = dawn;
  const auto main = at("203.0.113.3:51820"), other = at("203.0.113.13:51821");
  const auto mapped = at("198.51.100.1:40000"), lie = at("198.51.100.9:9");
  core.hosts({host.address}, now, out);
  core.servers({main}, now, out);
  const auto first = net::stun::parse_request(*out.frames.front().data)->id;
  out.frames.clear();
  core.receive(main, 0, {first, mapped, other}, now, out);
  const auto questions = std::exchange(out.frames, {});
  REQUIRE(questions.size() == 2 + defaults::port_samples); // filtering and new flows
  const auto before = core.paths();
  for (const auto& each : questions) {
    const auto request = net::stun::parse_request(*each.data);
    auto id = request->id;
    core.receive(lie, each.from_port, {id, lie, {}}, now, out); // from elsewhere
    core.receive(each.to, 61'250, {id, lie, {}}, now, out);     // at another port
    id[0] ^= 1;
    core.receive(main, each.from_port, {id, lie, {}}, now, out);
    core.receive(other, each.from_port, {id, lie, {}}, now, out);
  }
  core.receive(main, 0, {first, lie, other}, now, out); // twice
  CHECK(core.paths().nat == before.nat);
  CHECK(core.paths().details == before.details);
  CHECK(core.paths().candidates == before.candidates);
  CHECK(out.frames.empty());
  // Late: after the test has ended.
  while (core.deadline() && *core.deadline() < now + 10s) {
    const auto due = *core.deadline();
    core.tick(due, out);
  }
  const auto after = core.paths();
  CHECK(after.nat.filtering == apd);
  for (const auto& each : questions) {
    const auto request = net::stun::parse_request(*each.data);
    core.receive(other, each.from_port, {request->id, mapped, {}}, now, out);
    core.receive({main.address, other.port}, each.from_port, {request->id, mapped, {}}, now, out);
  }
  CHECK(core.paths().nat == after.nat);
}
