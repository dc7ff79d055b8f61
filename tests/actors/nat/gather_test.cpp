#include "actors/nat/gather.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;
using net::nat_behavior;
namespace defaults = config::defaults;

namespace {

const auto host = at("192.168.1.5:51820");
const auto host6 = at("[2001:db8::5]:51820");
const auto one = at("203.0.113.3:51820");
const auto two = at("203.0.113.4:51820");
const auto three = at("203.0.113.5:51820");
const auto one_other_port = at("203.0.113.3:51821");
const auto two_other_port = at("203.0.113.4:51821");
const auto six = at("[2001:db8::53]:51820");
const auto mapped = at("198.51.100.1:40000");
const auto mapped_too = at("198.51.100.1:40001");
const auto mapped_far = at("198.51.100.2:40000");

/// A gather with its effects collected and exact time.
struct bench {
  gather core{51820, seeded(1)};
  nat_effects out;
  time_point now = dawn;

  void hosts(std::vector<net::endpoint> list) {
    std::vector<net::ip_address> addresses;
    for (const auto& each : list)
      addresses.push_back(each.address);
    core.hosts(addresses, now, out);
  }
  void servers(const std::vector<net::endpoint>& list) { core.servers(list, now, out); }
  /// The requests sent since the last call, as (server, transaction).
  std::vector<std::pair<net::endpoint, net::stun::transaction_id>> asked() {
    std::vector<std::pair<net::endpoint, net::stun::transaction_id>> list;
    for (const auto& frame : std::exchange(out.frames, {})) {
      if (frame.from_port != 0) continue; // nat_survey's
      const auto request = net::stun::parse_request(*frame.data);
      REQUIRE(request);
      list.push_back({frame.to, request->id});
    }
    return list;
  }
  void answer(const std::pair<net::endpoint, net::stun::transaction_id>& request,
              const net::endpoint& seen) {
    core.receive(request.first, 0, {request.second, seen, {}}, now, out);
  }
  /// Runs to the next deadline at or before `span` from now; says whether there was one.
  bool next(std::chrono::nanoseconds span) {
    const auto due = core.deadline();
    if (!due || *due > now + span) return false;
    now = *due;
    core.tick(now, out);
    return true;
  }
  std::optional<msg::own_paths> published() { return std::exchange(out.publish, std::nullopt); }
};

std::vector<net::endpoint> of_kind(const msg::own_paths& paths, net::candidate_kind kind) {
  std::vector<net::endpoint> list;
  for (const auto& each : paths.candidates)
    if (each.kind == kind) list.push_back(each.address);
  return list;
}
std::vector<net::endpoint> reflexive(const msg::own_paths& paths) {
  return of_kind(paths, net::candidate_kind::server_reflexive);
}

} // namespace

TEST_CASE("mapping behaviour is what the observations prove, no more", "[nat][gather]") {
  struct row {
    std::vector<stun_observation> seen;
    bool translated;
    nat_behavior mapping;
  };
  const std::vector<row> table{
      {{}, false, nat_behavior::unknown},
      {{{one, mapped}}, true, nat_behavior::unknown},
      {{{one, mapped}, {one_other_port, mapped}}, true, nat_behavior::unknown},
      {{{one, mapped}, {two, mapped}}, true, nat_behavior::endpoint_independent},
      {{{one, mapped}, {two, mapped_too}}, true, nat_behavior::address_dependent},
      {{{one, mapped}, {two, mapped_far}}, true, nat_behavior::address_dependent},
      {{{one, mapped}, {one_other_port, mapped}, {two, mapped_too}},
       true,
       nat_behavior::address_dependent},
      {{{one, mapped}, {one_other_port, mapped_too}},
       true,
       nat_behavior::address_and_port_dependent},
      // Two addresses that agree outvote one port of either, and everybody else.
      {{{one, mapped}, {one_other_port, mapped_too}, {two, mapped}},
       true,
       nat_behavior::endpoint_independent},
      // Port by port, the same for everybody: RFC 5780 has no name for it.
      {{{one, mapped}, {one_other_port, mapped_too}, {two, mapped}, {two_other_port, mapped_too}},
       true,
       nat_behavior::address_and_port_dependent},
      {{{one, host}}, false, nat_behavior::endpoint_independent},
      {{{one, host}, {two, host}}, false, nat_behavior::endpoint_independent},
      {{{one, host}, {two, mapped}}, true, nat_behavior::address_dependent},
  };
  const std::vector own{host};
  for (const auto& each : table) {
    CAPTURE(&each - table.data());
    const auto report = classify_nat(each.seen, own);
    CHECK(report.translated == each.translated);
    CHECK(report.mapping == each.mapping);
    CHECK(report.filtering == nat_behavior::unknown);
  }
}

TEST_CASE("host candidates are published at once", "[nat][gather]") {
  bench b;
  b.hosts({host6, host});
  const auto paths = b.published();
  REQUIRE(paths);
  CHECK(of_kind(*paths, net::candidate_kind::host) == std::vector{host, host6}); // sorted
  CHECK(b.asked().empty());
  CHECK_FALSE(b.core.deadline());
}

TEST_CASE("loopback and link-local addresses are no candidates", "[nat][gather]") {
  bench b;
  b.hosts({at("127.0.0.1:1"), at("169.254.3.4:1"), at("[fe80::1]:1"), host, host});
  CHECK(b.published()->candidates.size() == 1);
}

TEST_CASE("all servers are asked at once and the first answer is published at once",
          "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.published();
  b.servers({one, two});
  const auto asked = b.asked();
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].second != asked[1].second);
  b.now += 40ms;
  b.answer(asked[1], mapped);
  const auto first = b.published();
  REQUIRE(first);
  CHECK(reflexive(*first) == std::vector{mapped});
  CHECK(first->nat.translated);
  CHECK(first->nat.mapping == nat_behavior::unknown);

  b.now += 5ms;
  b.answer(asked[0], mapped);
  CHECK_FALSE(b.published()); // only the report changed: it waits for more
  REQUIRE(b.next(1s));
  CHECK(b.now == dawn + 45ms + defaults::paths_coalesce);
  const auto second = b.published();
  REQUIRE(second);
  CHECK(second->nat.mapping == nat_behavior::endpoint_independent);
  CHECK(second->candidates == first->candidates);
}

TEST_CASE("an unanswered request is repeated with doubling waits, then given up", "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one});
  const auto first = b.asked().at(0);
  std::vector<std::chrono::nanoseconds> at;
  while (b.next(5s))
    for (const auto& again : b.asked()) {
      CHECK(again == first); // the same transaction
      at.push_back(b.now - dawn);
    }
  CHECK(at == std::vector<std::chrono::nanoseconds>{200ms, 600ms, 1400ms});
  CHECK(b.core.deadline() == dawn + 3s + defaults::stun_retry_first);
  b.answer(first, mapped); // too late
  CHECK(reflexive(b.core.paths()).empty());
}

TEST_CASE("nobody answers: asked again with growing waits up to the refresh", "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one});
  auto known = b.asked().at(0).second;
  std::vector<std::chrono::nanoseconds> waits;
  auto last = dawn;
  while (b.next(1h) && b.now < dawn + 2h)
    for (const auto& request : b.asked())
      if (request.second != std::exchange(known, request.second))
        waits.push_back(b.now - std::exchange(last, b.now));
  REQUIRE(waits.size() > 8);
  CHECK(waits[0] == 13s); // 3 s of asking, 10 s of waiting
  CHECK(waits[1] == 23s);
  CHECK(waits.back() == 303s);
}

TEST_CASE("answers are taken only from the server asked and for the transaction asked",
          "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one});
  const auto request = b.asked().at(0);
  b.answer({two, request.second}, mapped);
  auto other = request;
  other.second[11] ^= 1;
  b.answer(other, mapped);
  b.answer(request, host6); // of the wrong family
  CHECK(reflexive(b.core.paths()).empty());
  b.answer(request, mapped);
  b.answer(request, mapped_too); // a second answer to one question
  CHECK(reflexive(b.core.paths()) == std::vector{mapped});
}

TEST_CASE("the addresses are asked again after the refresh; what is known stays meanwhile",
          "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one, two});
  for (const auto& request : b.asked())
    b.answer(request, mapped);
  while (b.next(1s)) {
  }
  b.published();
  auto again = b.asked();
  while (again.empty() && b.next(defaults::stun_refresh))
    again = b.asked();
  CHECK(b.now == dawn + defaults::stun_refresh);
  REQUIRE(again.size() == 2);
  CHECK(reflexive(b.core.paths()) == std::vector{mapped});
  b.answer(again[0], mapped_far); // the provider renumbered us
  b.answer(again[1], mapped_far);
  REQUIRE(b.next(1s));
  const auto paths = b.published();
  REQUIRE(paths);
  CHECK(reflexive(*paths) == std::vector{mapped_far});
  CHECK(paths->nat.mapping == nat_behavior::endpoint_independent);
}

TEST_CASE("a server that stopped answering takes its reflexive candidate with it",
          "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one});
  b.answer(b.asked().at(0), mapped);
  b.published();
  const auto end = dawn + defaults::stun_refresh + 4s;
  while (b.next(end - b.now)) {
  }
  const auto paths = b.published();
  REQUIRE(paths);
  CHECK(reflexive(*paths).empty());
}

TEST_CASE("a changed network asks at once", "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one});
  const auto before = b.asked().at(0);
  b.answer(before, mapped);
  b.published();
  b.now += 10s;
  b.hosts({at("10.0.0.7:1")});
  REQUIRE(b.published());
  const auto after = b.asked();
  REQUIRE(after.size() == 1);
  CHECK(after[0].second != before.second);
}

TEST_CASE("the same list of servers again asks nobody, a new one asks at once", "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one, two});
  CHECK(b.asked().size() == 2);
  b.servers({one, two, one});
  CHECK(b.asked().empty());
  b.servers({two});
  CHECK(b.asked().size() == 1);
}

TEST_CASE("both families are asked and answered, each for itself", "[nat][gather]") {
  bench b;
  b.hosts({host, host6});
  b.servers({one, six});
  const auto asked = b.asked();
  REQUIRE(asked.size() == 2);
  b.published();
  b.answer(asked[0], mapped);
  REQUIRE(b.published());
  b.answer(asked[1], at("[2001:db8:1::9]:51820"));
  const auto paths = b.published(); // the first of its family: at once
  REQUIRE(paths);
  CHECK(reflexive(*paths) == std::vector{mapped, at("[2001:db8:1::9]:51820")});
}

TEST_CASE("servers of a family we lack are not asked", "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({six, one});
  const auto asked = b.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].first == one);
}

TEST_CASE("an untranslated address is no reflexive candidate", "[nat][gather]") {
  bench b;
  b.hosts({host6});
  b.servers({six});
  b.answer(b.asked().at(0), host6);
  const auto paths = b.core.paths();
  CHECK(reflexive(paths).empty());
  CHECK_FALSE(paths.nat.translated);
  CHECK(paths.nat.mapping == nat_behavior::endpoint_independent);
}

TEST_CASE("a symmetric NAT shows one reflexive candidate per public address", "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one, two, one_other_port});
  const auto asked = b.asked();
  REQUIRE(asked.size() == 3);
  b.answer(asked[1], mapped_too);
  b.answer(asked[0], mapped);
  b.answer(asked[2], mapped_far);
  CHECK(reflexive(b.core.paths()) == std::vector{mapped_too, mapped_far}); // the first of each
}

TEST_CASE("what one server of three says alone is no candidate, whenever it says so",
          "[nat][gather]") {
  for (std::size_t liar = 0; liar < 3; ++liar) {
    CAPTURE(liar);
    bench b;
    b.hosts({host});
    b.servers({one, two, three});
    const auto asked = b.asked();
    REQUIRE(asked.size() == 3);
    for (std::size_t i = 0; i < 3; ++i)
      b.answer(asked[i], i == liar ? mapped_far : mapped);
    CHECK(reflexive(b.core.paths()) == std::vector{mapped});
    CHECK(b.core.paths().nat.mapping == nat_behavior::endpoint_independent);
    CHECK(b.core.paths().details.mapped == mapped);
  }
}

TEST_CASE("an address that was published before the others disagreed is taken back",
          "[nat][gather]") {
  bench b;
  b.hosts({host});
  b.servers({one, two, three});
  const auto asked = b.asked();
  b.published();
  b.answer(asked[0], mapped_far);
  CHECK(reflexive(*b.published()) == std::vector{mapped_far}); // nobody knows better yet
  b.answer(asked[1], mapped);
  b.answer(asked[2], mapped);
  REQUIRE(b.next(1s));
  CHECK(reflexive(*b.published()) == std::vector{mapped});
}

TEST_CASE("a few servers are asked; a silent one is replaced, and one that answered is kept",
          "[nat][gather]") {
  bench b;
  std::vector<net::endpoint> many;
  for (std::uint16_t port = 1; port <= 6; ++port)
    many.push_back({one.address, port});
  b.hosts({host});
  b.servers(many);
  CHECK(b.asked().size() == defaults::stun_servers_max);
  std::vector<std::pair<net::endpoint, net::stun::transaction_id>> spares;
  while (spares.empty() && b.next(4s))
    for (const auto& request : b.asked())
      if (request.first.port > defaults::stun_servers_max) spares.push_back(request);
  REQUIRE(spares.size() == 2);
  CHECK(b.now == dawn + 3s);
  b.answer(spares[0], mapped);
  while (b.next(10s))
    b.asked();
  REQUIRE(b.next(defaults::stun_refresh));
  const auto again = b.asked();
  REQUIRE(again.size() == defaults::stun_servers_max);
  CHECK(again[0].first == spares[0].first);
  CHECK(reflexive(b.core.paths()) == std::vector{mapped});
}

TEST_CASE("candidates are bounded and reflexive ones keep their place", "[nat][gather]") {
  bench b;
  std::vector<net::endpoint> many;
  for (std::uint32_t i = 0; i < 40; ++i)
    many.push_back({net::ip_address::v4(0xC0A80100 + i), 1});
  b.hosts(many);
  b.servers({one});
  b.answer(b.asked().at(0), mapped);
  const auto paths = b.core.paths();
  CHECK(paths.candidates.size() == net::candidates_max);
  CHECK(reflexive(paths) == std::vector{mapped});
}
