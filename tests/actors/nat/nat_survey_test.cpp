#include "actors/nat/gather.hpp"
#include "sim/world/nat_box.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

#include <set>

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

const auto host = at("192.168.1.5:51820");
const auto outer = net::ip_address::v4(0xC6336401); // 198.51.100.1

/// A STUN server with RFC 5780's four places.
struct server {
  net::endpoint main, other;
  bool has_other = true;
};

/// A gather behind a box, with servers that answer at once.
struct bench {
  explicit bench(sim::nat_settings how,
                 std::vector<server> servers = {{at("203.0.113.3:51820"), at("203.0.113.13:51821")},
                                                {at("203.0.113.4:51820"),
                                                 at("203.0.113.14:51821")}})
      : box{how, outer, sim::stream{7, "nat"}}, all{std::move(servers)} {}

  void start() {
    std::vector<net::endpoint> list;
    for (const auto& each : all)
      list.push_back(each.main);
    core.hosts({host.address}, now, out);
    core.servers(list, now, out);
    run(6s);
  }
  /// Everything that happens within the span.
  void run(std::chrono::nanoseconds span) {
    const auto until = now + span;
    carry();
    while (core.deadline() && *core.deadline() <= until) {
      now = *core.deadline();
      core.tick(now, out);
      carry();
    }
    now = until;
  }
  msg::own_paths paths() const { return core.paths(); }

  sim::nat_box box;
  std::vector<server> all;
  gather core{51820, seeded(1)};
  nat_effects out;
  time_point now = dawn;
  std::set<net::endpoint> asked; ///< where anything was ever sent
  std::size_t sent = 0;

 private:
  void carry() {
    while (!out.frames.empty())
      for (const auto& frame : std::exchange(out.frames, {})) {
        ++sent;
        asked.insert(frame.to);
        net::endpoint from{host.address, frame.from_port == 0 ? host.port : frame.from_port};
        const auto request = net::stun::parse_request(*frame.data);
        REQUIRE(request);
        auto to = frame.to;
        if (box.outward(from, to, now) != sim::drop_cause::none) continue;
        if (to.address == outer)
          turn_around(from, to, request->id);
        else
          answer(from, to, *request);
      }
  }
  void turn_around(net::endpoint from, net::endpoint to, const net::stun::transaction_id& id) {
    if (!box.settings().hairpin || box.inward(from, to, now) != sim::drop_cause::none) return;
    core.receive_request(id, now, out);
  }
  void answer(const net::endpoint& from, const net::endpoint& to,
              const net::stun::request& request) {
    for (const auto& each : all) {
      const auto address = to.address == each.main.address || to.address == each.other.address;
      if (!address) continue;
      auto at = to;
      const auto flip = [](auto& what, const auto& a, const auto& b) { what = what == a ? b : a; };
      if (!each.has_other && request.wanted.change_port) return;
      if (request.wanted.change_address) flip(at.address, each.main.address, each.other.address);
      if (request.wanted.change_port) flip(at.port, each.main.port, each.other.port);
      net::endpoint back = from;
      if (request.wanted.response_port != 0) back.port = request.wanted.response_port;
      if (box.inward(at, back, now) != sim::drop_cause::none) return;
      const auto other = each.has_other ? std::optional{each.other} : std::nullopt;
      const std::uint16_t port = back.port == host.port ? std::uint16_t{0} : back.port;
      core.receive(at, port, {request.id, from, other}, now, out);
      return;
    }
  }
};

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
      bench b{behaves(mapping, filtering)};
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
    bench b{how};
    b.start();
    return net::classic_name(b.paths().nat);
  };
  CHECK(name(sim::full_cone()) == "full cone");
  CHECK(name(sim::address_restricted()) == "address-restricted");
  CHECK(name(sim::port_restricted()) == "port-restricted");
  CHECK(name(sim::symmetric()) == "symmetric");
  CHECK(name(sim::udp_blocked()) == "unknown");
}

TEST_CASE("the same is found again in later rounds", "[nat][survey]") {
  for (const auto filtering : {ei, ad, apd}) {
    bench b{behaves(ei, filtering)};
    b.start();
    for (int round = 0; round < 4; ++round) {
      b.run(defaults::stun_refresh + 6s);
      CHECK(b.paths().nat.filtering == filtering);
      CHECK(b.paths().nat.mapping == ei);
    }
  }
}

TEST_CASE("the addresses that test the filter never hear from us", "[nat][survey]") {
  bench b{sim::port_restricted()};
  b.start();
  b.run(3 * defaults::stun_refresh);
  CHECK(b.asked.count(at("203.0.113.13:51821")) == 0);
  CHECK(b.asked.count(at("203.0.113.3:51821")) == 0);
  CHECK(b.asked.count(at("203.0.113.13:51820")) == 0);
}

TEST_CASE("one server with two addresses is enough to tell cone from symmetric", "[nat][survey]") {
  const std::vector<server> one{{at("203.0.113.3:51820"), at("203.0.113.13:51821")}};
  bench cone{sim::port_restricted(), one};
  cone.start();
  CHECK(cone.paths().nat.mapping == ei);
  CHECK(cone.paths().nat.filtering == apd);
  bench symmetric{sim::symmetric(), one};
  symmetric.start();
  CHECK(symmetric.paths().nat.mapping == ad); // at least
  CHECK(symmetric.paths().nat.filtering == apd);
}

TEST_CASE("without a second address filtering stays unknown", "[nat][survey]") {
  bench b{sim::port_restricted(),
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
  bench b{how};
  b.start();
  CHECK(b.paths().details.ports_preserved == true);
  CHECK(b.paths().details.port_delta == 0); // the pattern is our own ports'
  CHECK(b.paths().details.hairpin == true);
}

TEST_CASE("a sequential NAT's next ports are offered, and a drawing one's are not",
          "[nat][survey]") {
  bench b{sim::symmetric_sequential()};
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

  bench random{sim::symmetric()};
  random.start();
  CHECK(random.paths().candidates.size() == 2); // host and one reflexive
}

TEST_CASE("a prediction is renewed for a new peer, but not without end", "[nat][survey]") {
  bench b{sim::symmetric_sequential()};
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
  bench b{how};
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
