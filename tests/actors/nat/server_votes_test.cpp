#include "actors/nat/server_votes.hpp"
#include "tests/actors/nat/nat_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace lanrage;
using namespace lanrage::actors;
using namespace lanrage::actors::test;

namespace {

const auto one = at("203.0.113.3:51820"), one_other_port = at("203.0.113.3:51821");
const auto two = at("203.0.113.4:51820"), two_other_port = at("203.0.113.4:51821");
const auto three = at("203.0.113.5:51820"), four = at("203.0.113.6:51820");
const auto inside = at("192.168.1.5:51820");
const auto seen = at("198.51.100.1:40000"), next = at("198.51.100.1:40001");
const auto far = at("198.51.100.2:40000");

} // namespace

TEST_CASE(
    "more than half of the servers' addresses, and two at least, agree on a mapping or nobody",
    "[nat][votes]") {
  struct row {
    std::vector<stun_observation> all;
    std::optional<net::endpoint> agreed;
  };
  const std::vector<row> table{
      {{}, {}},
      {{{one, seen}}, {}},
      {{{one, seen}, {two, seen}}, seen},
      {{{one, seen}, {two, next}}, {}}, // a symmetric NAT, or a liar
      {{{one, seen}, {two, far}, {three, seen}}, seen},
      {{{one, seen}, {two, next}, {three, far}}, {}}, // a symmetric NAT
      {{{one, seen}, {two, seen}, {three, far}, {four, next}}, {}},
      {{{one, seen}, {two, seen}, {three, far}, {four, seen}}, seen},
      {{{one, seen}, {two, seen}, {three, far}, {four, far}}, {}},
      // An address votes once.
      {{{one, seen}, {one_other_port, seen}}, {}},
      {{{one, far}, {one_other_port, far}, {two, seen}, {three, seen}}, seen},
      {{{one, seen}, {one_other_port, seen}, {two, next}, {three, far}}, {}},
      {{{one, seen}, {one_other_port, next}, {two, seen}}, seen},
      // Port by port, the same for everybody: RFC 5780 has no name for it.
      {{{one, seen}, {one_other_port, next}, {two, seen}, {two_other_port, next}}, {}},
      // Who sees us at a private address is on our side of the NAT and outvotes nobody.
      {{{one, inside}, {two, inside}, {three, seen}}, {}},
      {{{one, inside}, {two, seen}, {three, seen}}, seen},
  };
  for (const auto& each : table) {
    CAPTURE(&each - table.data());
    auto all = each.all;
    const auto by_server = [](const auto& a, const auto& b) { return a.server < b.server; };
    std::sort(all.begin(), all.end(), by_server);
    do { // whoever answers first
      CHECK(agreed_mapping(all) == each.agreed);
      const auto kept = believed(all);
      const auto agreeing = std::count_if(all.begin(), all.end(), [&](const auto& o) {
        return !each.agreed || o.mapped == *each.agreed;
      });
      CHECK(static_cast<std::ptrdiff_t>(kept.size()) == agreeing);
      for (const auto& o : kept)
        CHECK((!each.agreed || o.mapped == *each.agreed));
    } while (std::next_permutation(all.begin(), all.end(), by_server));
  }
}
