#include "actors/nat/mapping_lifetime.hpp"
#include "tests/actors/nat/survey_bench.hpp"

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using net::nat_behavior;
using namespace std::chrono_literals;
namespace defaults = config::defaults;

namespace {

using life = std::optional<msg::mapping_life>;

const auto server = at("203.0.113.3:51820");

sim::nat_settings keeps(std::chrono::seconds lifetime, sim::nat_settings out) {
  out.lifetime = lifetime;
  return out;
}

/// The whole of it behind a box with servers that answer at once.
life measured(const sim::nat_settings& how, std::vector<stun_server> servers = stun_servers(2)) {
  survey_bench b{how, std::move(servers)};
  b.start();
  CHECK_FALSE(b.paths().details.lifetime);
  b.run(defaults::stun_refresh);
  return b.paths().details.lifetime;
}

/// The core alone, question by question.
struct alone {
  mapping_lifetime core{seeded(1)};
  nat_effects out;
  time_point now = dawn;

  struct question {
    net::endpoint to;
    std::uint16_t from_port = 0;
    net::stun::request asks;
  };
  std::vector<question> asked() {
    std::vector<question> list;
    for (const auto& frame : std::exchange(out.frames, {})) {
      const auto request = net::stun::parse_request(*frame.data);
      REQUIRE(request);
      list.push_back({frame.to, frame.from_port, *request});
    }
    return list;
  }
  /// Answers as a NAT that never forgets: each port of ours is seen at itself less 60,000.
  void answer(const question& what) {
    const auto there = what.asks.wanted.response_port;
    const auto arrives = there != 0 ? static_cast<std::uint16_t>(there + 60'000) : what.from_port;
    const net::endpoint seen{outer, static_cast<std::uint16_t>(what.from_port - 60'000)};
    CHECK(core.receive(what.to, arrives, {what.asks.id, seen, {}}, now, out));
  }
  bool next() {
    const auto due = core.deadline();
    if (!due) return false;
    now = *due;
    core.tick(now, out);
    return true;
  }
};

} // namespace

TEST_CASE("the bracket of a mapping's lifetime is found, whatever the NAT", "[nat][lifetime]") {
  auto keeping = sim::port_restricted();
  keeping.preserve_ports = true; // the same port again is no sign of life
  auto refreshing = sim::port_restricted();
  refreshing.refresh_inbound = true;
  for (const auto& how : {sim::full_cone(), sim::address_restricted(), sim::port_restricted(),
                          sim::symmetric(), sim::symmetric_sequential(), keeping, refreshing}) {
    CAPTURE(net::to_string(how.mapping), net::to_string(how.filtering), how.preserve_ports);
    CHECK(measured(keeps(20s, how)) == life{{0s, 25s}});
    CHECK(measured(keeps(60s, how)) == life{{50s, 100s}});
    CHECK(measured(keeps(120s, how)) == life{{100s, 200s}});
    CHECK(measured(keeps(300s, how)) == life{{200s, {}}});
  }
}

TEST_CASE("a lifetime is on the right side of a silence to the second", "[nat][lifetime]") {
  CHECK(measured(keeps(24s, sim::port_restricted())) == life{{0s, 25s}});
  CHECK(measured(keeps(25s, sim::port_restricted())) == life{{25s, 50s}});
  CHECK(measured(keeps(199s, sim::port_restricted())) == life{{100s, 200s}});
  CHECK(measured(keeps(200s, sim::port_restricted())) == life{{200s, {}}});
}

TEST_CASE("without a NAT, or a server that answers to other ports, nothing is said",
          "[nat][lifetime]") {
  auto deaf = stun_servers(2);
  for (auto& each : deaf)
    each.answers_there = true;
  CHECK_FALSE(measured(sim::port_restricted(), deaf));
  deaf[1].answers_there = false; // the next one can
  CHECK(measured(keeps(60s, sim::port_restricted()), deaf) == life{{50s, 100s}});

  gather core{51820, seeded(1)};
  nat_effects out;
  core.hosts({at("198.51.100.7:1").address}, dawn, out);
  core.servers({server}, dawn, out);
  const auto id = net::stun::parse_request(*out.frames.at(0).data)->id;
  core.receive(server, 0, {id, at("198.51.100.7:51820"), {}}, dawn, out);
  out.frames.clear();
  core.tick(dawn + defaults::lifetime_after, out);
  CHECK(out.frames.empty());
}

TEST_CASE("every silence is as long as it says and nothing disturbs it", "[nat][lifetime]") {
  alone b;
  b.core.begin({server}, dawn);
  b.core.begin({server}, dawn); // once
  std::map<std::uint16_t, std::vector<std::chrono::nanoseconds>> spoke;
  std::vector<std::chrono::nanoseconds> tried;
  std::size_t all = 0;
  while (b.next()) {
    for (auto asked = b.asked(); !asked.empty(); asked = b.asked()) {
      REQUIRE(asked.size() == 1); // one exchange at a time
      ++all;
      CHECK(asked[0].to == server);
      if (asked[0].asks.wanted.response_port == 0)
        spoke[asked[0].from_port].push_back(b.now - dawn);
      else
        tried.push_back(b.now - dawn);
      b.answer(asked[0]);
    }
  }
  REQUIRE(spoke.size() == defaults::lifetime_silences.size());
  for (const auto& [port, times] : spoke)
    CHECK(times == std::vector<std::chrono::nanoseconds>{10s, 13s});
  CHECK(tried == std::vector<std::chrono::nanoseconds>{10s, 38s, 63s, 113s, 213s});
  CHECK(all == 13);
  CHECK(b.core.found() == life{{200s, {}}});
  CHECK_FALSE(b.core.deadline());
  b.core.begin({server}, b.now); // not again in this network
  CHECK_FALSE(b.core.deadline());
}

TEST_CASE("an answer that is missing counts only while the server answers otherwise",
          "[nat][lifetime]") {
  const auto lives = GENERATE(true, false);
  alone b;
  b.core.begin({server}, dawn);
  std::size_t lost = 0, confirmed = 0;
  while (b.next() && b.now < dawn + 1h)
    for (auto asked = b.asked(); !asked.empty(); asked = b.asked()) {
      const auto silent = b.now >= dawn + 60s; // the first silence was answered
      const auto there = asked[0].asks.wanted.response_port != 0;
      lost += silent && there;
      confirmed += silent && !there;
      if (silent && (there || !lives)) break;
      b.answer(asked[0]);
    }
  CHECK(lost == static_cast<std::size_t>(defaults::lifetime_requests));
  CHECK(confirmed == (lives ? 1u : static_cast<std::size_t>(defaults::lifetime_requests)));
  CHECK(b.core.found() == (lives ? life{{25s, 50s}} : life{{25s, {}}}));
  CHECK_FALSE(b.core.deadline()); // longer ones are not waited for
}

TEST_CASE("an answer from elsewhere, at another port, of another id or twice is none",
          "[nat][lifetime]") {
  alone b;
  b.core.begin({server}, dawn);
  REQUIRE(b.next());
  const auto asked = b.asked().at(0);
  auto wrong = asked.asks.id;
  wrong[0] ^= 1;
  const net::endpoint seen{outer, 1'001};
  CHECK_FALSE(b.core.receive(at("203.0.113.9:51820"), asked.from_port, {asked.asks.id, seen, {}},
                             b.now, b.out));
  CHECK_FALSE(b.core.receive(server, 0, {asked.asks.id, seen, {}}, b.now, b.out));
  CHECK_FALSE(b.core.receive(server, asked.from_port, {wrong, seen, {}}, b.now, b.out));
  CHECK(b.out.frames.empty());
  b.answer(asked);
  CHECK_FALSE(b.core.receive(server, asked.from_port, {asked.asks.id, seen, {}}, b.now, b.out));
}

TEST_CASE("another network is measured anew and the old result is void", "[nat][lifetime]") {
  survey_bench b{keeps(60s, sim::port_restricted()), stun_servers(2)};
  b.start();
  b.run(defaults::stun_refresh);
  REQUIRE(b.paths().details.lifetime);
  const auto sent = b.sent;
  b.run(2 * defaults::stun_refresh);
  const auto rounds = b.sent - sent; // what two rounds of the survey alone send
  b.core.hosts({host.address}, b.now, b.out);
  CHECK_FALSE(b.paths().details.lifetime);
  b.run(2 * defaults::stun_refresh);
  CHECK(b.paths().details.lifetime == life{{50s, 100s}});
  CHECK(b.sent - sent - rounds <= rounds + 40);
}
